#!/usr/bin/env bash
# Everything a change must pass; CI runs the same. With CHECK_SECONDS=n, what is not done of the cases
# once so many seconds are over is left out.
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

in_time() {
    local left=$((${CHECK_SECONDS:-100000} - SECONDS)) status=0
    ((left > 0)) && timeout "$left" "$@" || status=$?
    if ((left <= 0 || status == 124)); then
        echo "== NOT DONE, since CHECK_SECONDS are over: $*"
        return 0
    fi
    return "$status"
}

# A folder in memory for the files of tests, where there is room and programs in it may be run: ext4 took a
# quarter of the CPU time of tests that make a project each.
folder_of_tests() {
    local room folder
    room=$(df --output=avail --block-size=1G /dev/shm 2> /dev/null | tail -n 1)
    ((${room:-0} >= 4)) || return 0
    folder=$(mktemp -d --tmpdir=/dev/shm)
    cp /bin/true "$folder/true"
    if "$folder/true"; then echo "$folder"; else rm -r "$folder"; fi
}

in_memory() {
    local folder status=0
    folder=$(folder_of_tests 2> /dev/null) || true
    TMPDIR=${folder:-${TMPDIR:-/tmp}} "$@" || status=$?
    [ -z "$folder" ] || rm -rf "$folder"
    return "$status"
}

# The tools of the supply chain are built in the background, at the lowest priority. What fails is tried again
# by the step itself, and told there.
set -m # a process group of its own
nice -n 19 ci/check_supply_chain.sh install > /dev/null 2>&1 &
set +m
tools=$!
trap 'kill -- "-$tools" 2> /dev/null || true' EXIT

binary="${CARGO_TARGET_DIR:-target}/debug/tierline"
step one_build
step cargo fmt --check
# With the feature `cluster` the engine has other features of its own: everything is tested in the one build that has
# it, and without it this crate is checked alone.
step in_memory cargo test --locked --features cluster
step cargo check --locked
step ci/check_readers.sh "$binary"
step ci/check_schedulers.sh "$binary"
step in_time ci/check_bi.sh "$binary"
step in_memory in_time ci/check_cases.sh "$binary"
step in_time ci/check_report.sh "$binary"
wait "$tools" || true
step in_time ci/check_supply_chain.sh
