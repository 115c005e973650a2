#!/usr/bin/env bash
# Does Evidence build the pages that `init` writes, and do they show what the tables have?
#
#   ci/check_evidence.sh TIERLINE [folder for screenshots]
#
# TIERLINE is the binary to try. Installs Evidence by npm, 700 MB, and builds the site, which takes five to ten
# minutes, so that CI does not do this. Needs Python 3.11 with pip, Node.js 20, npm and Debian's `chromium`.
set -euo pipefail

binary=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
shots=$(realpath -m "${2:-$folder/shots}")
cd "$(dirname "$0")/.."

packages=$(ci/python_packages.sh ci/evidence_requirements.txt)

"$binary" demo "$folder/demo" --users 1000 --nights 9 > "$folder/demo.txt"
printf '\n[params]\nmin_high_value_revenue_share = 0.99\n' >> "$folder/demo/jobs/demo.toml"
"$binary" run "$folder/demo/jobs/demo.toml" --date 2026-10-31 > /dev/null 2>&1
"$binary" withdraw "$folder/demo/jobs/demo.toml" --date 2026-10-27 --yes > /dev/null 2>&1
mkdir -p "$folder/job/jobs"
sed "s|^output = .*|output = \"$folder/demo/output\"|" jobs/production.toml > "$folder/job/jobs/production.toml"
"$binary" init "$folder/job" > /dev/null
evidence=$folder/job/bi/evidence

quietly() {
    "$@" > "$folder/said.txt" 2>&1 || {
        cat "$folder/said.txt"
        exit 1
    }
}
quietly npm --prefix "$evidence" install --no-audit --no-fund
mkdir "$folder/browser"
quietly npm --prefix "$folder/browser" install --no-audit --no-fund --ignore-scripts playwright-core@1.65.1

# DuckDB looks for extensions below the home folder. What has no network takes the one of the package.
export HOME=$folder/home SEND_ANONYMOUS_USAGE_STATS=no
version=$(basename "$packages"/duckdb_extension_delta/extensions/v*)
platform=linux_$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
mkdir -p "$HOME/.duckdb/extensions/$version/$platform"
cp "$packages/duckdb_extension_delta/extensions/$version/delta.duckdb_extension" "$HOME/.duckdb/extensions/$version/$platform"

cd "$evidence"
quietly npm run sources
quietly npm run build
cd - > /dev/null
PYTHONPATH=$packages python3 ci/check_evidence.py "$folder/demo/output" "$evidence/build" > "$folder/texts.json"
node ci/check_evidence.mjs "$folder/browser" "$(command -v chromium)" "$evidence/build" "$folder/texts.json" "$shots"
