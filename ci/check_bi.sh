#!/usr/bin/env bash
# Do the files for BI tools that `init` writes open in these tools, and do they give the tables' numbers?
#
#   ci/check_bi.sh TIERLINE [spark]
#
# TIERLINE is the binary to try. Makes a demo in a temporary folder, with an alert and a day that was
# withdrawn, and has `init` write the files for it. DuckDB, Postgres, dbt and MetricFlow run them; SQL for
# Spark and Trino is parsed, and with `spark` as the second argument Spark runs its own, which needs Java.
# Needs Python 3.11 with pip.
set -euo pipefail

binary=$(realpath "$1")
cd "$(dirname "$0")/.."

packages=$(ci/python_packages.sh ci/bi_requirements.txt)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

demo=$folder/demo
"$binary" demo "$demo" --users 1000 --nights 9 > "$folder/demo.txt"
printf '\n[params]\nmin_high_value_revenue_share = 0.99\n' >> "$demo/jobs/demo.toml"
"$binary" run "$demo/jobs/demo.toml" --date 2026-10-31 > /dev/null 2>&1
"$binary" withdraw "$demo/jobs/demo.toml" --date 2026-10-27 --yes > /dev/null 2>&1

job=$folder/job
mkdir -p "$job/jobs"
sed "s|^output = .*|output = \"$demo/output\"|" jobs/production.toml > "$job/jobs/production.toml"
"$binary" init "$job" > /dev/null

# DuckDB looks for extensions below the home folder. What has no network takes the one of the package.
export HOME=$folder/home PYTHONPATH=$packages PATH=$packages/bin:$PATH XDG_RUNTIME_DIR=$folder
version=$(python3 -c 'import duckdb; print(duckdb.__version__)')
platform=$(python3 -c 'import duckdb; print(duckdb.sql("PRAGMA platform").fetchone()[0])')
extensions=$HOME/.duckdb/extensions/v$version/$platform
mkdir -p "$extensions"
cp "$packages/duckdb_extension_delta/extensions/v$version/delta.duckdb_extension" "$extensions"

echo "what the files repeat"
python3 ci/bi_kit.py "$demo/output/tables"

echo "dbt and MetricFlow"
export DBT_PROFILES_DIR=. DBT_SEND_ANONYMOUS_USAGE_STATS=false DO_NOT_TRACK=1
(
    cd "$job/bi/dbt"
    dbt --quiet build
    mf query --metrics users --group-by tier__label --csv "$folder/metrics.csv" \
        --where "{{ Dimension('tier__dimension') }} = 'value_tier'" > "$folder/mf.txt" 2>&1 || {
        cat "$folder/mf.txt"
        exit 1
    }
)

echo "views"
python3 ci/check_bi.py "$job/bi" "$demo/output" "$folder/metrics.csv"

if [[ ${2:-} == spark ]]; then
    echo "views in Spark"
    spark=$(ci/python_packages.sh ci/spark_requirements.txt)
    PYTHONPATH=$spark python3 ci/check_bi_spark.py "$job/bi" "$demo/output"
fi
