# shellcheck shell=bash
# Sourced by the scripts: goes to the repository's root and builds the commands there. The build is cached; the first one
# on a machine compiles the AWS SDK and takes a minute or two.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
if ! command -v go >/dev/null; then
  echo "$0: Go 1.26 or newer is needed; 'go' is not on the PATH" >&2
  exit 1
fi
if [ ! -x .slipway/bin/slipway ]; then
  echo "building the slipway command (the first time on a machine this takes a minute or two)" >&2
fi
mkdir -p .slipway/bin
CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o .slipway/bin/ ./gen ./scripts/slipway
