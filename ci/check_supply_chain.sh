#!/usr/bin/env bash
# Advisories, licences and duplicate versions of everything that the program is built from (deny.toml), and
# a list of it all, an SBOM in the form of CycloneDX: target/tierline.cdx.json.
#
#     ci/check_supply_chain.sh [--install]
#
# Each of the two tools takes some minutes to install. Without them, and without --install, what they are for
# is not done, and that is said.
set -euo pipefail
cd "$(dirname "$0")/.."

has() {
    command -v "cargo-$1" > /dev/null && return
    [ "${install:-}" = --install ] && cargo install --locked "cargo-$1" && return
    echo "== NOT DONE, since cargo-$1 is not installed: $2"
    return 1
}
install=${1:-}

if has deny "advisories, licences and duplicate versions"; then
    cargo deny --locked check
fi
if has cyclonedx "the SBOM"; then
    cargo cyclonedx --format json --override-filename tierline.cdx
    mkdir -p target
    mv tierline.cdx.json target/
    python3 - target/tierline.cdx.json <<'EOF'
import json, sys
parts = json.load(open(sys.argv[1]))["components"]
unlicensed = [part["name"] for part in parts if not part.get("licenses")]
assert not unlicensed, f"without a licence: {unlicensed}"
print(f"{sys.argv[1]}: {len(parts)} crates, each with its licence")
EOF
fi
