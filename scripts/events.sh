#!/usr/bin/env bash
# Shows what happened to the stacks: ./scripts/events.sh [--since 24h] [--environment NAME] [--local] [--json]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
exec .slipway/bin/slipway events "$@"
