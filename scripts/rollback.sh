#!/usr/bin/env bash
# Goes back to an earlier release: ./scripts/rollback.sh [N] [--environment NAME] [--plan] [--allow RISK] [--local] [--yes]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
exec .slipway/bin/slipway rollback "$@"
