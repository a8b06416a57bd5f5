#!/usr/bin/env bash
# Says what changed between two releases: ./scripts/diff.sh N [M] [--environment NAME] [--local] [--json]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
exec .slipway/bin/slipway diff "$@"
