#!/usr/bin/env bash
# The README's test command: ./scripts/test.sh [--long] [lint|unit|templates|e2e ...]
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"
command -v go >/dev/null || { echo "test.sh: Go 1.26 or newer is needed; 'go' is not on the PATH" >&2; exit 1; }
mkdir -p .slipway/bin
CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags '-s -w' -o .slipway/bin/check ./scripts/check
exec .slipway/bin/check -root "$root" "$@"
