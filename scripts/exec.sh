#!/usr/bin/env bash
# Runs a command in a container of a running task: ./scripts/exec.sh [--environment NAME] [--task ID] [--container NAME] [--local] [-- COMMAND]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
exec .slipway/bin/slipway exec "$@"
