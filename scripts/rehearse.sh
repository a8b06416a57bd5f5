#!/usr/bin/env bash
# Plays slipway's whole story on the local engine, in a copy that is removed afterwards: ./scripts/rehearse.sh [--short] [--keep]
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"
command -v go >/dev/null || { echo "rehearse.sh: Go 1.26 or newer is needed; 'go' is not on the PATH" >&2; exit 1; }
mkdir -p .slipway/bin
CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o .slipway/bin/rehearse ./scripts/rehearse
exec .slipway/bin/rehearse -root "$root" "$@"
