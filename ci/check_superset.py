"""Asks Superset, which has imported the dashboard of jobs/bi/superset, for the rows of each of its charts.

    python3 ci/check_superset.py

Goes by the environment of ci/check_superset.sh. What a chart groups by, counts and filters on is asked for as
its page would; how the page draws it is not looked at.
"""

import json
import sys

from superset.app import create_app
from superset.extensions import db

# How many the dashboard has.
CHARTS = 8


def query_of(params: dict) -> dict:
    """The query that the parameters of a chart come to."""
    columns = [params.get(name) for name in ["x_axis", "source", "target"]]
    groups = params.get("groupby") or []
    columns += [groups] if isinstance(groups, str) else groups
    metrics = params.get("metrics") or [params["metric"]] if params.get("query_mode") != "raw" else []
    filters = [{"col": found["subject"], "op": found["operator"], "val": found["comparator"]}
               for found in params["adhoc_filters"]]
    raw = params.get("all_columns") or []
    return {"columns": [column for column in columns if column] + raw, "metrics": metrics, "filters": filters,
            "row_limit": 1000, "orderby": []}


def main() -> int:
    app = create_app()
    with app.app_context():
        from superset.models.slice import Slice  # there once the app is

        charts = [(chart.slice_name, json.loads(chart.params), chart.datasource_id, chart.datasource_type)
                  for chart in db.session.query(Slice).order_by(Slice.slice_name)]
    client = app.test_client()
    login = {"username": "admin", "password": "admin", "provider": "db"}
    token = client.post("/api/v1/security/login", json=login).json["access_token"]
    problems = 0
    for name, params, source, kind in charts:
        asked = {"datasource": {"id": source, "type": kind}, "queries": [query_of(params)]}
        found = client.post("/api/v1/chart/data", headers={"Authorization": f"Bearer {token}"}, json=asked)
        rows = found.json["result"][0]["rowcount"] if found.status_code == 200 else 0
        print(f"{name:30} {params['viz_type']:14} {rows:6} rows")
        if not rows:
            problems += 1
            print(f"error: {json.dumps(found.json)[:600]}", file=sys.stderr)
    if len(charts) != CHARTS:
        problems += 1
        print(f"error: {len(charts)} charts instead of {CHARTS}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
