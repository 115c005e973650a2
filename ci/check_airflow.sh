#!/usr/bin/env bash
# Does the DAG that `init` writes do in Airflow what it says?
#
#   ci/check_airflow.sh TIERLINE
#
# TIERLINE is the binary to try. Installs Airflow into the target folder once, makes sample data and a
# job in a temporary folder, and has ci/check_airflow.py run the DAG there, without a scheduler. Takes two
# minutes, and three more to install. Needs Python 3.11 with venv.
set -euo pipefail

binary=$(realpath "$1")
cd "$(dirname "$0")/.."

version=3.3.2
environment=$(realpath -m "${CARGO_TARGET_DIR:-target}/airflow-$version")
if [[ ! -d $environment ]]; then
    python3 -m venv "$environment.unfinished"
    "$environment.unfinished/bin/pip" install --quiet --disable-pip-version-check "apache-airflow==$version"
    mv "$environment.unfinished" "$environment"
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The sample job under the name that `init` writes its files for.
"$binary" demo "$folder/job" --users 400 --days 60 --nights 0 > /dev/null
sed 's/^name = .*/name = "production"/; s/^output/sql = "..\/sql"\noutput/' \
    "$folder/job/jobs/demo.toml" > "$folder/job/jobs/production.toml"
rm "$folder/job/jobs/demo.toml"
"$binary" init "$folder/job" > /dev/null

export AIRFLOW_HOME=$folder/airflow
export AIRFLOW__CORE__DAGS_FOLDER=$folder/job/schedulers
export AIRFLOW__CORE__LOAD_EXAMPLES=False
export AIRFLOW__LOGGING__LOGGING_LEVEL=ERROR
"$environment/bin/python" -m airflow db migrate > /dev/null
"$environment/bin/python" ci/check_airflow.py "$folder/job"
