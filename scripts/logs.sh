#!/usr/bin/env bash
# Shows what the containers write: ./scripts/logs.sh [--follow] [--since 10m] [--task ID] [--environment NAME] [--local] [--json]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
exec .slipway/bin/slipway logs "$@"
