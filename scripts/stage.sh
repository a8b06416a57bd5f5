#!/usr/bin/env bash
# One stage of the pipeline, the same on a laptop: ./scripts/stage.sh lint|unit|templates|security|image|deploy|acceptance
# What a stage exports stands in .slipway/stage.env afterwards.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
: >.slipway/stage.env
case "${1:-}" in
  lint | unit | templates | security) exec ./scripts/test.sh "$1" ;;
  *) exec .slipway/bin/slipway stage "$@" ;;
esac
