#!/usr/bin/env bash
# Brings the application up, or up to date: ./scripts/deploy.sh [--local] [--yes] [--environment NAME] [--image keep]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
exec .slipway/bin/slipway deploy "$@"
