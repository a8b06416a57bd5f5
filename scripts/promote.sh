#!/usr/bin/env bash
# Brings what runs in one environment to another one: ./scripts/promote.sh FROM TO [--plan] [--allow RISK] [--local] [--yes]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
exec .slipway/bin/slipway promote "$@"
