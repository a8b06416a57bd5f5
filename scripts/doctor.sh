#!/usr/bin/env bash
# Looks at all that a launch depends on and says how to mend what is wrong: ./scripts/doctor.sh [--local] [--json]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
exec .slipway/bin/slipway doctor "$@"
