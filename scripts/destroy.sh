#!/usr/bin/env bash
# Takes the application away, or one environment, and proves it: ./scripts/destroy.sh [--environment NAME] [--local] [--yes]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
exec .slipway/bin/slipway destroy "$@"
