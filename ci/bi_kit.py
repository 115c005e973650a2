"""Files of jobs/bi that repeat others: written from these, or compared with them.

    python3 ci/bi_kit.py TABLES [--write]

TABLES is the folder of the Delta tables of a tierline output. What is written:

| file | from |
|---|---|
| `spark.sql`, `trino.sql`, `postgres.sql`: the views | the views of `duckdb.sql` |
| `postgres.sql`: the columns of the tables | the tables |
| `dbt/models/sources.yml` | the descriptions of the tables, their columns and comments |
| `dbt/models/charts/*.sql` and `charts.yml` | the views of `duckdb.sql` and their comments |

Without --write, a file that would be another is an error.
"""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable

BI = Path(__file__).parent.parent / "jobs" / "bi"
OUTPUT = "s3://your-bucket/tierline"
VIEWS_FROM = "-- The newest date\n"
CHARTS_FROM = "-- Second part"

# What the dialects have no common words for: every day from one date to another.
CALENDARS = {
    "spark": """\
SELECT EXPLODE(SEQUENCE(first_date, last_date, INTERVAL 1 DAY)) AS snapshot_date
FROM (SELECT MIN(snapshot_date) AS first_date, MAX(snapshot_date) AS last_date FROM kpi_daily) AS dates""",
    "trino": """\
SELECT days.snapshot_date
FROM (SELECT MIN(snapshot_date) AS first_date, MAX(snapshot_date) AS last_date FROM kpi_daily) AS dates
CROSS JOIN UNNEST(SEQUENCE(dates.first_date, dates.last_date, INTERVAL '1' DAY)) AS days (snapshot_date)""",
    "postgres": """\
SELECT CAST(GENERATE_SERIES(MIN(snapshot_date), MAX(snapshot_date), INTERVAL '1 day') AS DATE) AS snapshot_date
FROM kpi_daily""",
}

POSTGRES_TYPES = {
    "string": "TEXT", "long": "BIGINT", "integer": "INTEGER", "double": "DOUBLE PRECISION",
    "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMPTZ",
}

# The columns that tell the rows of each table apart.
KEYS = {
    "actions": ["snapshot_date", "user_id"],
    "alerts": ["snapshot_date", "alert"],
    "dim_metric": ["metric"],
    "dim_tier": ["dimension", "tier"],
    "kpi_daily": ["snapshot_date", "metric"],
    "publications": ["sequence"],
    "tier_current": ["user_id"],
    "tier_migration": ["snapshot_date", "user_id", "dimension"],
    "tier_migration_matrix": ["snapshot_date", "period", "dimension", "from_tier", "to_tier"],
    "tier_snapshot": ["snapshot_date", "user_id"],
    "tier_summary": ["snapshot_date", "dimension", "tier"],
}


@dataclass
class Table:
    """A Delta table: what it says of itself, and its columns."""

    description: str
    columns: list[dict]

    @classmethod
    def read(cls, folder: Path) -> "Table":
        delta = DeltaTable(folder)
        return cls(delta.metadata().description, json.loads(delta.schema().to_json())["fields"])


@dataclass
class View:
    """A view of `duckdb.sql`, and whether it is one for charts."""

    name: str
    comment: str
    query: str
    is_for_charts: bool


def views() -> list[View]:
    text = (BI / "duckdb.sql").read_text()
    charts_from = text.index(CHARTS_FROM)
    pattern = r"CREATE OR REPLACE VIEW (\w+) AS\n(.*?);\nCOMMENT ON VIEW \1 IS '(.*?)';\n"
    found = re.finditer(pattern, text[text.index(VIEWS_FROM):], re.DOTALL)
    offset = text.index(VIEWS_FROM)
    return [View(view[1], view[3], view[2], view.start() + offset > charts_from) for view in found]


def of_dialect(dialect: str, view: View) -> str:
    query = CALENDARS[dialect] if view.name == "calendar" else view.query
    if dialect == "spark":
        return f"CREATE OR REPLACE VIEW {view.name}\nCOMMENT '{view.comment}'\nAS\n{query};\n"
    return f"CREATE OR REPLACE VIEW {view.name} AS\n{query};\nCOMMENT ON VIEW {view.name} IS '{view.comment}';\n"


def dialect_file(dialect: str, found: list[View], tables: dict[str, Table]) -> str:
    """The file as it stands until the views, and the views of `duckdb.sql`."""
    head, _ = (BI / f"{dialect}.sql").read_text().split(VIEWS_FROM)
    if dialect == "postgres":
        head = head[:head.index("CREATE OR REPLACE VIEW")] + postgres_tables(tables) + "\n"
    duckdb = (BI / "duckdb.sql").read_text()
    charts = duckdb[duckdb.index(CHARTS_FROM):].split("\n", 1)[0] + "\n"
    newest = [of_dialect(dialect, view) for view in found if not view.is_for_charts]
    second = [of_dialect(dialect, view) for view in found if view.is_for_charts]
    return "\n".join([head + VIEWS_FROM, *newest, charts, *second])


def postgres_tables(tables: dict[str, Table]) -> str:
    statements = []
    for name, table in tables.items():
        casts = [f"    CAST(r['{column['name']}'] AS {postgres_type(column['type'])}) AS {column['name']}"
                 for column in table.columns]
        selected = ",\n".join(casts)
        statements.append(f"CREATE OR REPLACE VIEW {name} AS\nSELECT\n{selected}\n"
                          f"FROM delta_scan('{OUTPUT}/tables/{name}') AS r;\n")
    return "\n".join(statements)


def postgres_type(delta_type: str) -> str:
    numeric = delta_type.upper().replace("DECIMAL", "NUMERIC").replace(",", ", ")
    return POSTGRES_TYPES.get(delta_type, numeric)


def quoted(text: str) -> str:
    """A text as YAML takes it, which JSON is a part of."""
    return json.dumps(text, ensure_ascii=False)


def sources(tables: dict[str, Table]) -> str:
    lines = [
        "# The tables of a tierline job, as dbt sources. Where dbt runs on Spark or Trino, the tables of the",
        "# schema `tierline`, as ../../spark.sql and ../../trino.sql make them; `external_location` is for dbt-duckdb.",
        "version: 2",
        "",
        "sources:",
        "  - name: tierline",
        "    description: The tables that tierline publishes, read as they are at the time of the query.",
        "    schema: tierline",
        "    config:",
        "      meta:",
        f"        external_location: \"delta_scan('{OUTPUT}/tables/{{name}}')\"",
        "    tables:",
    ]
    for name, table in tables.items():
        key = KEYS[name]
        lines += [f"      - name: {name}", f"        description: {quoted(table.description)}", "        data_tests:",
                  f"          - unique_together: {{ arguments: {{ columns: [{', '.join(key)}] }} }}",
                  "        columns:"]
        for column in table.columns:
            comment = column["metadata"].get("comment")
            lines.append(f"          - name: {column['name']}")
            if comment:
                lines.append(f"            description: {quoted(comment)}")
            # A tier is NULL for who was not there before, or is not now; so was the period once.
            if column["name"] in key and column["name"] not in ["period", "from_tier", "to_tier"]:
                lines.append("            data_tests: [not_null]")
    return "\n".join(lines) + "\n"


def model(view: View, others: set[str]) -> str:
    """The query of a view over sources and other models. *_newest are for people who write SQL."""
    query = re.sub(r"\b(FROM|JOIN) (\w+)\b", lambda found: f"{found[1]} {reference(found[2], others)}", view.query)
    query = query.replace(reference("kpi_daily_newest", others), newest_of("kpi_daily"))
    query = query.replace(reference("alerts_newest", others), newest_of("alerts"))
    return f"-- {view.comment}\n{query}\n"


def reference(name: str, others: set[str]) -> str:
    if name in KEYS:
        return f"{{{{ source('tierline', '{name}') }}}}"
    return f"{{{{ ref('{name}') }}}}" if name in others | {"kpi_daily_newest", "alerts_newest"} else name


def newest_of(table: str) -> str:
    newest = f"(SELECT MAX(snapshot_date) FROM {reference('tier_current', set())})"
    return f"(SELECT * FROM {reference(table, set())} WHERE snapshot_date = {newest})"


def models_yml(charts: list[View]) -> str:
    lines = ["# What the models of this folder hold.", "version: 2", "", "models:"]
    for view in charts:
        lines += [f"  - name: {view.name}", f"    description: {quoted(view.comment)}"]
        lines += MODEL_TESTS.get(view.name, [])
    return "\n".join(lines) + "\n"


def unique_together(*columns: str) -> list[str]:
    return ["    data_tests:", f"      - unique_together: {{ arguments: {{ columns: [{', '.join(columns)}] }} }}"]


MODEL_TESTS = {
    "dim_tier_sorted": unique_together("dimension", "sort_order"),
    "tier_current_labelled": unique_together("user_id"),
    "tier_summary_labelled": unique_together("snapshot_date", "dimension", "tier"),
    "matrix_labelled": unique_together("snapshot_date", "period", "dimension", "from_tier", "to_tier"),
    "calendar": ["    columns:", "      - name: snapshot_date", "        data_tests: [unique, not_null]"],
    "kpi_daily_labelled": unique_together("snapshot_date", "metric"),
    "kpi_labelled_newest": unique_together("metric"),
    "alerts_labelled_newest": unique_together("alert"),
}


def files(tables_folder: Path) -> dict[Path, str]:
    """Every file that is written, with its text."""
    tables = {name: Table.read(tables_folder / name) for name in KEYS}
    found = views()
    charts = [view for view in found if view.is_for_charts]
    names = {view.name for view in charts}
    written = {BI / f"{dialect}.sql": dialect_file(dialect, found, tables) for dialect in CALENDARS}
    written[BI / "dbt/models/sources.yml"] = sources(tables)
    written[BI / "dbt/models/charts/charts.yml"] = models_yml(charts)
    for view in charts:
        written[BI / f"dbt/models/charts/{view.name}.sql"] = model(view, names)
    return written


def main(tables_folder: Path, writes: bool) -> int:
    problems = 0
    for path, text in files(tables_folder).items():
        if writes:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            problems += 1
            print(f"error: {path.relative_to(BI.parent.parent)} is not what ci/bi_kit.py writes; "
                  "run it with --write over the tables of a demo", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--write"]
    if len(arguments) != 1:
        sys.exit(__doc__)
    sys.exit(main(Path(arguments[0]), "--write" in sys.argv))
