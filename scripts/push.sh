#!/usr/bin/env bash
# Hands the working tree to the pipeline: ./scripts/push.sh [--wait] [--local]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
exec .slipway/bin/slipway push "$@"
