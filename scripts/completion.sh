#!/usr/bin/env bash
# Prints what completes the scripts' arguments in a shell: eval "$(./scripts/completion.sh bash)", or zsh, or fish
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/build.sh"
exec .slipway/bin/slipway completion "$@"
