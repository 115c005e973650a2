#!/usr/bin/env bash
# Everything a change must pass; CI runs the same.
set -euo pipefail
cd "$(dirname "$0")/.."

step() {
    local start=$SECONDS
    echo "== $*"
    "$@"
    echo "== took $((SECONDS - start)) s: $*"
}

step cargo fmt --check
step cargo clippy --locked --all-targets -- -D warnings
step cargo test --locked
step ci/check_readers.sh "${CARGO_TARGET_DIR:-target}/debug/tierline"
step ci/check_cases.sh "${CARGO_TARGET_DIR:-target}/debug/tierline"
