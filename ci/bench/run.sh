#!/usr/bin/env bash
# How long does a night take beside DuckDB, and do both compute the same?
#
#   ci/bench/run.sh [--binary TIERLINE] [ARGUMENTS OF night.py]
#
# Without --binary the release binary is built. Needs Python 3.11 with pip; packages go to a virtual
# environment under TMPDIR.
set -euo pipefail
bench=$(cd "$(dirname "$0")" && pwd)

arguments=("$@")
if [[ " $* " != *" --binary "* && " $* " != *" --binary="* ]]; then
    target=$(cd "$bench/../.." && cargo build --release --locked >&2 &&
        realpath "${CARGO_TARGET_DIR:-target}")
    arguments+=(--binary "$target/release/tierline")
fi

# pip is the system's: Debian's Python cannot put one into a new environment as it comes.
environment=${TMPDIR:-/tmp}/tierline-bench-python
python3 -m venv --without-pip "$environment"
python3 -m pip --python "$environment/bin/python" --quiet --disable-pip-version-check \
    install --requirement "$bench/requirements.txt"

"$environment/bin/python" -B "$bench/night.py" "${arguments[@]}"
