#!/usr/bin/env bash
# Does Superset import the dashboard that `init` writes, and give rows for each of its charts?
#
#   ci/check_superset.sh TIERLINE
#
# TIERLINE is the binary to try. Installs Superset into a virtual environment once, which takes minutes, so
# that CI does not do this. Needs Python 3.11 with pip and venv.
set -euo pipefail

binary=$(realpath "$1")
cd "$(dirname "$0")/.."

sum=$(sha256sum ci/superset_requirements.txt | cut -c1-16)
environment=$(realpath -ms "${CARGO_TARGET_DIR:-target}/superset-$sum")
if [[ ! -x $environment/bin/superset ]]; then
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --requirement ci/superset_requirements.txt
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$binary" demo "$folder/demo" --users 300 --nights 9 > "$folder/demo.txt"
printf '\n[params]\nmin_high_value_revenue_share = 0.99\n' >> "$folder/demo/jobs/demo.toml"
"$binary" run "$folder/demo/jobs/demo.toml" --date 2026-10-31 > /dev/null 2>&1
mkdir -p "$folder/job/jobs"
sed "s|^output = .*|output = \"$folder/demo/output\"|" jobs/production.toml > "$folder/job/jobs/production.toml"
"$binary" init "$folder/job" > /dev/null

export HOME=$folder PATH=$environment/bin:$PATH FLASK_APP=superset
export SUPERSET_CONFIG_PATH=$folder/superset_config.py
cat > "$SUPERSET_CONFIG_PATH" <<END
SECRET_KEY = "of this check alone"
SQLALCHEMY_DATABASE_URI = "sqlite:///$folder/superset.db"
PREVENT_UNSAFE_DB_CONNECTIONS = False
FILTER_STATE_CACHE_CONFIG = {"CACHE_TYPE": "SimpleCache"}
EXPLORE_FORM_DATA_CACHE_CONFIG = {"CACHE_TYPE": "SimpleCache"}
END

python3 - "$folder/job/bi" <<'END'
import shutil
import sys
from pathlib import Path

import duckdb
import duckdb_extension_delta

bi = Path(sys.argv[1])
[extension] = Path(duckdb_extension_delta.__path__[0]).glob("extensions/*/delta.duckdb_extension")
platform = duckdb.sql("PRAGMA platform").fetchone()[0]
extensions = Path.home() / ".duckdb/extensions" / extension.parent.name / platform
extensions.mkdir(parents=True)
shutil.copy(extension, extensions)
duckdb.connect(str(bi / "bi.duckdb")).execute((bi / "duckdb.sql").read_text())
database = bi / "superset/databases/tierline.yaml"
database.write_text(database.read_text().replace("/srv/tierline/bi/bi.duckdb", str(bi / "bi.duckdb")))
shutil.make_archive(str(bi / "superset"), "zip", bi, "superset")
END

quietly() {
    "$@" > "$folder/said.txt" 2>&1 || {
        cat "$folder/said.txt"
        exit 1
    }
}
quietly superset db upgrade
quietly superset fab create-admin --username admin --firstname a --lastname b --email a@localhost --password admin
quietly superset init
quietly superset import-dashboards --path "$folder/job/bi/superset.zip" --username admin
quietly python3 ci/check_superset.py
grep -a rows "$folder/said.txt"
