#!/usr/bin/env bash
# Measures generating, and with --builds the builds too, and prints Markdown tables: docs/performance.md holds a run.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cd "$root"
mkdir -p .slipway/bin
go build -o .slipway/bin/bench ./scripts/bench
exec .slipway/bin/bench -root "$root" "$@"
