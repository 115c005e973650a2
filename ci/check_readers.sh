#!/usr/bin/env bash
# Do the readers that people have open our tables, and do they see the same in them?
#
#   ci/check_readers.sh [TIERLINE]
#
# TIERLINE is the binary to try; left out, it is built. Makes sample tables in a temporary folder,
# publishes the last night again after a correction of its inputs, and hands the tables to
# ci/read_tables.py; then ci/check_models.py has both compute the same models. Needs Python 3.11
# with pip.
set -euo pipefail

binary=$(realpath "${1:-/dev/null}")
cd "$(dirname "$0")/.."
if [[ $# -eq 0 ]]; then
    # All targets, as the tests build them: a plain `cargo build` wants the dependencies with
    # fewer features, and would build nearly all of them a second time.
    cargo build --locked --all-targets
    binary=$(realpath "${CARGO_TARGET_DIR:-target}/debug/tierline")
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

packages=$(ci/python_packages.sh)

demo=$folder/demo
"$binary" demo "$demo" --users 2000 --nights 3 > "$folder/demo.txt"

# From here on with the plain layout, for readers who glob.
sed -i 's|^output = .*|output = { url = "../output", plain = true }|' "$demo/jobs/demo.toml"

# One day's orders turn out wrong and are withdrawn, so that the last night is replaced.
days=("$demo"/data/orders/dt=*)
rm -r "${days[-10]}"
"$binary" run "$demo/jobs/demo.toml" --date "${days[-1]##*=}" --accept-removed-days \
    --result-file "$folder/report.json"

PYTHONPATH=$packages python3 ci/read_tables.py "$demo/output/tables" "$folder/report.json"

# Random models over windows give what DuckDB gives.
PYTHONPATH=$packages python3 ci/check_models.py "$binary"
