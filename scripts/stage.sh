#!/usr/bin/env bash
# One stage of the pipeline, the same on a laptop: ./scripts/stage.sh lint|unit|templates|security|image|plan|deploy|acceptance
# What a stage hands on stands in .slipway/stage afterwards: what it exports in stage.env, and its files.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
rm -rf .slipway/stage
mkdir -p .slipway/stage
: >.slipway/stage/stage.env
case "${1:-}" in
  lint | unit | templates | security) exec ./scripts/test.sh "$1" ;;
esac
. ./scripts/build.sh
exec .slipway/bin/slipway stage "$@"
