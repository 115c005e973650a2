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

# The tests ask nothing of the crates below the engine that the binary does not: one build serves both.
features() {
    cargo tree --locked --edges "$1" --prefix none --format '{p} [{f}]' | sed 's/ (\*)$//' | sort -u
}
one_build() {
    local more
    more=$(comm -13 <(features normal,build,dev) <(features normal,build))
    [ -z "$more" ] || {
        printf 'built once more by `cargo test`, with other features (see Cargo.toml):\n%s\n' "$more"
        return 1
    }
}

step one_build
step cargo fmt --check
step cargo clippy --locked --all-targets -- -D warnings
step cargo test --locked
step ci/check_readers.sh "${CARGO_TARGET_DIR:-target}/debug/tierline"
step ci/check_cases.sh "${CARGO_TARGET_DIR:-target}/debug/tierline"
