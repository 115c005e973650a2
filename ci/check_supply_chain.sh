#!/usr/bin/env bash
# Licences, sources, duplicate versions and advisories of everything that the program is built from
# (deny.toml), and a list of it all, an SBOM in the form of CycloneDX: target/tierline.cdx.json.
#
#     ci/check_supply_chain.sh [install]
#
# What is missing of the two tools is installed first; `install` does no more than that. Where the database of
# advisories (RustSec) cannot be fetched, they are not looked up, and that is said.
set -euo pipefail
cd "$(dirname "$0")/.."

install() {
    local name=$1 version=$2
    [[ $(cargo "${name#cargo-}" --version 2> /dev/null) == *" $version" ]] && return
    # They run for seconds: not to optimize them saves most of the time that it takes to build them.
    env -u RUSTC_WORKSPACE_WRAPPER -u CARGO_TARGET_DIR cargo install --quiet --locked --debug "$name@$version"
}

installed=true
install cargo-deny 0.20.2 && install cargo-cyclonedx 0.5.9 || installed=false
[ "${1:-}" != install ] || exit 0
if ! $installed; then
    echo "== NOT DONE, since cargo-deny and cargo-cyclonedx cannot be installed: licences, sources, duplicate versions, advisories, SBOM"
    exit 0
fi

cargo deny --locked check bans licenses sources
if said=$(cargo deny --locked fetch db 2>&1); then
    cargo deny --frozen check advisories
else
    tail -n 5 <<< "$said"
    echo "== NOT DONE, since their database cannot be fetched: advisories"
fi

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
