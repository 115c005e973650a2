#!/usr/bin/env bash
# Inputs as real writers leave them, through the built binary: see tests/cases/README.md.
#
#   ci/check_cases.sh [TIERLINE]
#
# TIERLINE is the binary to try; left out, it is built. Needs Python 3.11 with pip.
set -euo pipefail

binary=$(realpath "${1:-/dev/null}")
cd "$(dirname "$0")/.."
if [[ $# -eq 0 ]]; then
    # All targets, for the reason given in ci/check_readers.sh.
    cargo build --locked --all-targets
    binary=$(realpath "${CARGO_TARGET_DIR:-target}/debug/tierline")
fi

packages=$(ci/python_packages.sh)
PYTHONPATH=$packages PYTHONDONTWRITEBYTECODE=1 python3 tests/cases/run.py "$binary"
