#!/usr/bin/env bash
# Everything a change must pass; CI runs the same.
set -euo pipefail
cd "$(dirname "$0")/.."

# Clippy is the compiler of this crate in all that follows, and denies what it finds. `cargo clippy`
# would check every dependency anew, which takes half as long as building it, and this crate twice.
export RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-Dwarnings

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
step cargo test --locked
step ci/check_readers.sh "${CARGO_TARGET_DIR:-target}/debug/tierline"
step ci/check_cases.sh "${CARGO_TARGET_DIR:-target}/debug/tierline"
