#!/usr/bin/env bash
# Shows what was deployed, by whom, and how it went: ./scripts/releases.sh [--environment NAME] [--limit N] [--local] [--json]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
exec .slipway/bin/slipway releases "$@"
