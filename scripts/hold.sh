#!/usr/bin/env bash
# Holds the pipeline before an environment, or lets it go on: ./scripts/hold.sh ENVIRONMENT [--reason TEXT | --lift] [--local]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
exec .slipway/bin/slipway hold "$@"
