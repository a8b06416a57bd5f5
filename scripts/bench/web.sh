#!/usr/bin/env bash
# Measures the service beside others that answer the same, and with --docs writes table and plot into docs/.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cd "$root"
mkdir -p .slipway/bin
go build -o .slipway/bin/bench-web ./scripts/bench/web
exec .slipway/bin/bench-web -root "$root" "$@"
