#!/usr/bin/env bash
# Takes the application away and proves it: ./scripts/destroy.sh [--local] [--yes]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
exec .slipway/bin/slipway destroy "$@"
