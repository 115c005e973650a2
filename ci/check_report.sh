#!/usr/bin/env bash
# Opens reports in headless Chromium as a reader would:
#
#     ci/check_report.sh <tierline> [folder for screenshots] [journey]
#
# A demo of some nights, a first night, a Chinese one, a quiet night, two years of nights, and the index; with
# `journey`, Complete Journey after 60 nights, too, which take a release build three minutes. No console
# error, no request, nothing that is wider than the window, cut or too small on a phone, reasons for what cannot be
# chosen, nothing that axe-core finds serious, a load of less than a second. Needs Debian's `chromium`, Node.js
# and npm; where one of them is missing it says so and checks nothing.
set -euo pipefail

tierline=$(realpath "$1")
shots=${2:-}
journey=${3:-}
here=$(realpath "$(dirname "$0")")

chromium=$(command -v chromium || true)
if [ -z "$chromium" ] || ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "== NOT DONE, since chromium, node or npm is not there: ci/check_report.sh"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
shots=$(realpath -m "${shots:-$work/shots}")
cd "$work"
npm init --yes >/dev/null
if ! npm install --silent --no-audit --no-fund --ignore-scripts playwright-core@1.65.1 axe-core@4.14.1; then
    echo "== NOT DONE, since npm could not install playwright-core and axe-core: ci/check_report.sh"
    exit 0
fi

look() {
    node "$here/report/look.mjs" "$work" "$chromium" "$1" "$shots" "$2"
}

"$tierline" demo nights --users 1000 --nights 12 >nights.log
look nights/output/report/2026-10-31.html nights
look nights/output/report/index.html index
node "$here/report/variants.mjs" nights/output/report/2026-10-31.html .
look quiet.html quiet
look two-years.html two-years
"$tierline" report nights/jobs/demo.toml --lang zh --period week --with-users 5 --output chinese.html >/dev/null
look chinese.html chinese
"$tierline" demo first --users 300 --nights 1 >first.log
look first/output/report/2026-10-31.html first

[ "$journey" = journey ] || exit 0
mkdir -p data/complete_journey jobs
PYTHONPATH=$("$here/python_packages.sh" "$here/requirements.txt") python3 - "$here/../tests/fixtures/complete_journey" <<'EOF'
import sys, duckdb
duckdb.execute("SET TimeZone = 'UTC'")
for table, time in [("orders", "ordered_at"), ("engagement", "occurred_at")]:
    duckdb.execute(f"""
        COPY (SELECT *, CAST({time} AS DATE) AS dt FROM '{sys.argv[1]}/{table}.parquet')
        TO 'data/complete_journey/{table}' (FORMAT parquet, PARTITION_BY (dt))
    """)
EOF
cp "$here/../jobs/complete_journey.toml" jobs/
"$tierline" backfill complete_journey --from 2017-08-01 --to 2017-09-29 >journey.log
"$tierline" report complete_journey --output journey.html >/dev/null
look journey.html journey
