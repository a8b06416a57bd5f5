#!/usr/bin/env bash
# Says what is running and whether it is well: ./scripts/status.sh [--local] [--environment NAME] [--json]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
exec .slipway/bin/slipway status "$@"
