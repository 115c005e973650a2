"""Reads published tables with three independent readers and compares what they see.

    python3 ci/read_tables.py TABLES REPORT

TABLES is the folder of the Delta tables of a tierline output; REPORT is the result that
`tierline run --result-file` wrote about the newest date.

1. `check_format`: protocol, partitions, column types and the file list, against the log as text.
2. `check_totals`: DuckDB, Polars and deltalake see the same rows and sums in every column.
3. `check_tiers`: users per value tier, against the margins of the migration matrix.
4. `check_current`: tier_current holds the newest date and nothing else.
5. `check_publications`: every version that was recorded is there, with the recorded rows.
6. `check_report`: the run reported what the readers see.
7. `check_example_of_the_book`: the book's way to one consistent set gives the newest date.
8. `check_views`: the files of `views/` open every table at the version that publications record.
9. `check_plain`: a glob over `plain/`, where the job keeps it, finds the rows of each date once.

DuckDB reads the Parquet files that deltalake lists: its Delta extension is not on PyPI.
"""

import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars
import pyarrow
import pyarrow.dataset
from deltalake import DeltaTable

DATED_TABLES = ["tier_snapshot", "tier_current", "tier_migration", "tier_migration_matrix",
                "tier_summary", "kpi_daily"]
UNDATED_TABLES = ["dim_tier", "publications"]
REVENUE = ["revenue_lifetime", "revenue_365d"]

# The column types that every BI tool opens: as Delta, DuckDB and Polars name them.
TYPES = [
    (r"string", "VARCHAR", "String"),
    (r"integer", "INTEGER", "Int32"),
    (r"long", "BIGINT", "Int64"),
    (r"double", "DOUBLE", "Float64"),
    (r"boolean", "BOOLEAN", "Boolean"),
    (r"date", "DATE", "Date"),
    (r"timestamp", "TIMESTAMP WITH TIME ZONE", "Datetime(time_unit='us', time_zone='UTC')"),
    (r"decimal\((\d+),(\d+)\)", r"DECIMAL(\1,\2)", r"Decimal(precision=\1, scale=\2)"),
]

# The value of the grouping columns -> column name -> sum of numbers, or count of other values.
Totals = dict[tuple[Any, ...], dict[str, int | Decimal]]


@dataclass
class Table:
    """A table, with its columns by how they are totalled."""

    name: str
    folder: Path
    delta: DeltaTable
    types: dict[str, str]

    @classmethod
    def open(cls, folder: Path) -> "Table":
        delta = DeltaTable(folder)
        fields = json.loads(delta.schema().to_json())["fields"]
        # The type of a nested column is an object, and no name matches its text.
        types = {column["name"]: str(column["type"]) for column in fields}
        return cls(folder.name, folder, delta, types)

    @property
    def is_dated(self) -> bool:
        return self.name in DATED_TABLES

    @property
    def grouping(self) -> list[str]:
        return ["dimension"] if self.name == "dim_tier" else ["snapshot_date"]

    def numbers(self, grouping: list[str]) -> list[str]:
        """The columns that are summed."""
        numeric = re.compile(r"integer|long|decimal.*")
        return [name for name, type_name in self.types.items()
                if numeric.fullmatch(type_name) and name not in grouping]

    def others(self, grouping: list[str]) -> list[str]:
        """The columns whose values are counted."""
        numbers = self.numbers(grouping)
        return [name for name in self.types if name not in numbers and name not in grouping]


@dataclass
class Findings:
    """What was compared, and what was wrong."""

    compared: int = 0
    problems: list[str] = field(default_factory=list)

    def expect(self, what: str, expected: object, found: object) -> None:
        self.compared += 1
        if expected != found:
            self.problems.append(f"{what}: expected {expected}, found {found}")

    def expect_same_totals(self, what: str, expected: Totals, found: Totals) -> None:
        self.expect(f"{what}: groups", sorted(expected, key=str), sorted(found, key=str))
        for group in expected.keys() & found.keys():
            for column, value in expected[group].items():
                self.expect(f"{what}: {column} of {group}", value, found[group].get(column))


def totals_of_rows(rows: list[dict[str, Any]], grouping: list[str]) -> Totals:
    """Takes a reader's result apart into groups and totals; a sum of no values counts as 0."""
    return {
        tuple(row[name] for name in grouping): {
            name: value or 0 for name, value in row.items() if name not in grouping
        }
        for row in rows
    }


def read_with_deltalake(table: Table, grouping: list[str]) -> Totals:
    sums = [(name, "sum") for name in table.numbers(grouping)]
    counts = [(name, "count") for name in table.others(grouping)]
    rows = table.delta.to_pyarrow_table()
    totals = rows.group_by(grouping).aggregate([([], "count_all"), *sums, *counts])
    plain_names = [re.sub(r"_(sum|count)$", "", name) for name in totals.column_names]
    totals = totals.rename_columns([name.replace("count_all", "rows") for name in plain_names])
    return totals_of_rows(totals.to_pylist(), grouping)


def read_with_polars(table: Table, grouping: list[str]) -> Totals:
    totals = polars.scan_delta(str(table.folder)).group_by(grouping).agg(
        polars.len().alias("rows"),
        polars.col(table.numbers(grouping)).sum(),
        polars.col(table.others(grouping)).count(),
    )
    return totals_of_rows(totals.collect().to_dicts(), grouping)


def read_with_duckdb(table: Table, grouping: list[str]) -> Totals:
    columns = [
        *grouping,
        "count(*) AS rows",
        *[f"sum({name}) AS {name}" for name in table.numbers(grouping)],
        *[f"count({name}) AS {name}" for name in table.others(grouping)],
    ]
    totals = duckdb_files(table).aggregate(", ".join(columns), ", ".join(grouping))
    rows = [dict(zip(totals.columns, row)) for row in totals.fetchall()]
    return totals_of_rows(rows, grouping)


def duckdb_files(table: Table) -> duckdb.DuckDBPyRelation:
    return duckdb.read_parquet(table.delta.file_uris(), hive_partitioning=table.is_dated)


OTHER_READERS: dict[str, Callable[[Table, list[str]], Totals]] = {
    "Polars": read_with_polars,
    "DuckDB": read_with_duckdb,
}


def read_alike(table: Table, grouping: list[str], findings: Findings) -> Totals:
    """What deltalake sees, after the other readers were compared with it."""
    expected = read_with_deltalake(table, grouping)
    for reader, read in OTHER_READERS.items():
        what = f"{table.name} in {reader} by {', '.join(grouping)}"
        try:
            found = read(table, grouping)
        except Exception as error:  # each library has exceptions of its own
            findings.problems.append(f"{what}: cannot be read: {error}")
        else:
            findings.expect_same_totals(what, expected, found)
    return expected


def check_format(table: Table, findings: Findings) -> None:
    """Nothing that an old reader refuses, and the same files whoever replays the log."""
    protocol = table.delta.protocol()
    versions = (protocol.min_reader_version, protocol.min_writer_version)
    findings.expect(f"{table.name}: reader and writer version", (1, 2), versions)
    features = (protocol.reader_features, protocol.writer_features)
    findings.expect(f"{table.name}: table features", (None, None), features)
    partitions = ["snapshot_date"] if table.is_dated else []
    findings.expect(f"{table.name}: partition columns", partitions,
                    table.delta.metadata().partition_columns)
    check_types(table, findings)

    logged_protocols, logged_files = replay_log(table.folder)
    findings.expect(f"{table.name}: protocols in the log", [(1, 2)], logged_protocols)
    listed_files = {str(Path(file).relative_to(table.folder)) for file in table.delta.file_uris()}
    findings.expect(f"{table.name}: files", logged_files, listed_files)


def check_types(table: Table, findings: Findings) -> None:
    """Columns are of types that all readers have, in the log as in the files."""
    in_files = duckdb_files(table)
    duckdb_types = dict(zip(in_files.columns, map(str, in_files.types)))
    polars_schema = polars.scan_delta(str(table.folder)).collect_schema()
    polars_types = {name: str(found) for name, found in polars_schema.items()}
    for column, delta_type in table.types.items():
        what = f"{table.name}.{column}"
        known = [names for names in TYPES if re.fullmatch(names[0], delta_type)]
        if not known:
            findings.problems.append(f"{what}: not every reader has the type {delta_type}")
            continue
        pattern, in_duckdb, in_polars = known[0]
        findings.expect(f"{what} in DuckDB", re.sub(pattern, in_duckdb, delta_type),
                        duckdb_types.get(column))
        findings.expect(f"{what} in Polars", re.sub(pattern, in_polars, delta_type),
                        polars_types.get(column))
        findings.expect(f"{what}: a plain name", True,
                        re.fullmatch(r"[a-z][a-z0-9_]*", column) is not None)


def replay_log(folder: Path) -> tuple[list[tuple[int, int]], set[str]]:
    """The protocols that were ever asked for, and the files that are left, by the text alone."""
    protocols: list[tuple[int, int]] = []
    files: set[str] = set()
    for commit in sorted(folder.glob("_delta_log/*.json")):
        actions = [json.loads(line) for line in commit.read_text().splitlines()]
        for protocol in (action["protocol"] for action in actions if "protocol" in action):
            protocols.append((protocol["minReaderVersion"], protocol["minWriterVersion"]))
        files -= {action["remove"]["path"] for action in actions if "remove" in action}
        files |= {action["add"]["path"] for action in actions if "add" in action}
    return protocols, files


def check_totals(tables: dict[str, Table], findings: Findings) -> dict[str, Totals]:
    """Every reader finds the same in every column of every table."""
    return {name: read_alike(table, table.grouping, findings) for name, table in tables.items()}


def check_tiers(tables: dict[str, Table], findings: Findings) -> None:
    """Users per value tier are the margins of the night's matrix, on the date and on the one before."""
    by_tier = read_alike(tables["tier_snapshot"], ["snapshot_date", "value_tier"], findings)
    cells = read_alike(tables["tier_migration_matrix"],
                       ["snapshot_date", "period", "dimension", "from_tier", "to_tier"], findings)
    for day, before in previous_dates(tables).items():
        closing: dict[str, int | Decimal] = {}
        opening: dict[str, int | Decimal] = {}
        for (cell_day, period, dimension, from_tier, to_tier), cell in cells.items():
            if (cell_day, period, dimension) != (day, "night", "value_tier"):
                continue
            if to_tier is not None:
                closing[to_tier] = closing.get(to_tier, 0) + cell["users"]
            if from_tier is not None:
                opening[from_tier] = opening.get(from_tier, 0) + cell["users"]
        findings.expect(f"column sums of the matrix of {day}", users_on(by_tier, day), closing)
        findings.expect(f"row sums of the matrix of {day}", users_on(by_tier, before), opening)


def users_on(by_tier: Totals, day: date) -> dict[str, int | Decimal]:
    return {tier: total["rows"] for (tier_day, tier), total in by_tier.items() if tier_day == day}


def check_current(totals: dict[str, Totals], findings: Findings) -> None:
    """tier_current is the newest date of tier_snapshot."""
    newest = max(totals["tier_snapshot"])
    expected = {newest: totals["tier_snapshot"][newest]}
    findings.expect_same_totals("tier_current", expected, totals["tier_current"])


def publications(tables: dict[str, Table]) -> list[dict[str, Any]]:
    """The publications as recorded, oldest first."""
    rows = tables["publications"].delta.to_pyarrow_table().to_pylist()
    return sorted(rows, key=lambda row: row["sequence"])


def previous_dates(tables: dict[str, Table]) -> dict[date, date]:
    """The dates that moves were counted for, each with the date they were counted from."""
    dates = {row["snapshot_date"]: row["previous_snapshot_date"] for row in publications(tables)}
    return {day: before for day, before in dates.items() if before is not None}


def check_publications(tables: dict[str, Table], findings: Findings) -> None:
    """What publications records can be read back, and is what the tables now hold."""
    recorded = publications(tables)
    sequence = [row["sequence"] for row in recorded]
    findings.expect("publications: sequence", list(range(1, len(recorded) + 1)), sequence)
    for publication in recorded:
        day = publication["snapshot_date"]
        for name in tables:
            # publications has no version of itself, and none of a table that was left alone.
            version = publication.get(f"{name}_version")
            if version is not None:
                what = f"{name} of {day} at version {version}"
                try:
                    found = rows_at(tables[name], version, day)
                except Exception as error:  # pyarrow's, deltalake's or the system's
                    findings.problems.append(f"{what}: cannot be read: {error}")
                else:
                    findings.expect(what, publication[f"{name}_rows"], found)
    for name, table in tables.items():
        if name != "publications":
            findings.expect(f"{name}: newest recorded version", table.delta.version(),
                            recorded[-1][f"{name}_version"])

    runs = {row["snapshot_date"]: row["run_id"] for row in recorded}
    runs_found = read_alike(tables["tier_snapshot"], ["snapshot_date", "run_id"], findings)
    findings.expect("the run of each date", set(runs.items()), set(runs_found))


def rows_at(table: Table, version: int, day: date) -> int:
    """The rows of a date in a version of a table; all rows of an undated table."""
    delta = DeltaTable(table.folder, version=version)
    of_day = [("snapshot_date", "=", day)] if table.is_dated else None
    return delta.to_pyarrow_table(filters=of_day).num_rows


def check_report(report: dict[str, Any], tables: dict[str, Table], totals: dict[str, Totals],
                 findings: Findings) -> None:
    """The run said what the readers see."""
    newest = date.fromisoformat(report["snapshot_date"])
    findings.expect("report: status", "replaced", report["status"])
    findings.expect("report: snapshot_date", max(totals["tier_snapshot"]), (newest,))
    for name, reported in report["tables"].items():
        if name not in tables:
            continue  # alerts, which often has no rows, and then no files to read
        groups = totals[name]
        rows = groups[(newest,)]["rows"] if tables[name].is_dated else sum(
            total["rows"] for total in groups.values())
        findings.expect(f"report: rows of {name}", rows, reported["rows"])
        findings.expect(f"report: version of {name}", tables[name].delta.version(),
                        reported["version"])

    moves = read_alike(tables["tier_migration"], ["snapshot_date", "dimension", "direction"],
                       findings)
    seen = {(dimension, direction): total["rows"]
            for (day, dimension, direction), total in moves.items() if day == newest}
    reported_moves = {(dimension, direction): users
                      for dimension, directions in report["moves"].items()
                      for direction, users in directions.items()}
    findings.expect("report: moves", seen, reported_moves)


def check_example_of_the_book(tables_folder: Path, totals: dict[str, Totals],
                         findings: Findings) -> None:
    """The example of the book, run over these tables."""
    page = (Path(__file__).parent.parent / "docs/src/reading.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    [example] = [block for block in blocks if "by_date" in block]
    code, replaced = re.subn(r'^tables = ".*?"', f"tables = {str(tables_folder)!r}", example,
                             flags=re.MULTILINE)
    findings.expect("book: the place to name one's tables", 1, replaced)
    names: dict[str, Any] = {}
    exec(code, names)
    newest = max(totals["tier_snapshot"])
    findings.expect("book: date", newest, (names["date"],))
    for name, variable in [("tier_snapshot", "snapshot"), ("tier_migration", "migration")]:
        findings.expect(f"book: rows of {name}", totals[name][newest]["rows"],
                        names[variable].num_rows)


def check_views(tables_folder: Path, findings: Findings) -> None:
    """The files of `views/` name every table at the last version that publications record."""
    folder = tables_folder.parent / "views"
    newest = json.loads((folder / "newest.json").read_text())
    rows = DeltaTable(tables_folder / "publications").to_pyarrow_table().to_pylist()
    rows.sort(key=lambda row: row["sequence"])
    findings.expect("views: publication", rows[-1]["sequence"], newest["sequence"])
    last_of_dates = {row["snapshot_date"]: row["status"] for row in rows}
    published = [date for date, status in last_of_dates.items() if status == "published"]
    findings.expect("views: newest date", str(max(published, default=None)), newest["newest_date"])
    findings.expect("views: status", rows[-1]["status"], newest["status"])
    views = {name: (folder / name).read_text() for name in ["duckdb.sql", "spark.sql"]}
    for name, opened in newest["tables"].items():
        version = opened["version"]
        delta = DeltaTable(opened["url"], version=version)
        if name != "publications":
            recorded = [row[f"{name}_version"] for row in rows]
            recorded = [version for version in recorded if version is not None]
            findings.expect(f"views: version of {name}", recorded[-1], version)
        findings.expect(f"views: {name} opens", version, delta.version())
        for file, views_of in views.items():
            line = next(line for line in views_of.splitlines() if re.search(rf"VIEW .{name}. AS", line))
            found = opened["url"] in line and re.search(rf"\b{version}\b", line) is not None
            findings.expect(f"views: {name} in {file}", True, found)


def check_plain(tables_folder: Path, totals: dict[str, Totals], findings: Findings) -> None:
    """DuckDB, Polars and pyarrow find the rows of each date in `plain/`."""
    folder = tables_folder.parent / "plain"
    for name in DATED_TABLES:
        expected = {group[0]: total["rows"] for group, total in totals[name].items()}
        if name == "tier_current":
            [[rows]] = duckdb.sql(f"SELECT count(*) FROM '{folder}/{name}.parquet'").fetchall()
            findings.expect(f"plain: rows of {name}", sum(expected.values()), rows)
            continue
        found = duckdb.sql("SELECT snapshot_date, count(*) FROM read_parquet("
                           f"'{folder}/{name}/*/*.parquet', hive_partitioning = true) GROUP BY 1")
        findings.expect(f"plain: rows of {name}", expected, dict(found.fetchall()))
        rows = polars.scan_parquet(folder / name).select(polars.len()).collect().item()
        findings.expect(f"plain: rows of {name} by Polars", sum(expected.values()), rows)
        rows = pyarrow.dataset.dataset(folder / name, partitioning="hive").count_rows()
        findings.expect(f"plain: rows of {name} by pyarrow", sum(expected.values()), rows)


def summary(totals: dict[str, Totals]) -> str:
    """What all readers agreed on, as a table."""
    lines = [["table", "group", "rows", "users", *REVENUE]]
    for name, groups in totals.items():
        for group, total in sorted(groups.items()):
            # In the snapshots a row is a user; the matrix counts each once per dimension.
            users = total["rows"] if "revenue_lifetime" in total else total.get("users", "")
            revenue = [str(total.get(column, "")) for column in REVENUE]
            lines.append([name, str(group[0]), str(total["rows"]), str(users), *revenue])
    return "\n".join(
        f"{line[0]:22} {line[1]:18}" + "".join(f"{cell:>18}" for cell in line[2:])
        for line in lines
    )


def main(tables_folder: Path, report_path: Path) -> int:
    report = json.loads(report_path.read_text())
    names = [*DATED_TABLES, *UNDATED_TABLES]
    tables = {name: Table.open(tables_folder.resolve() / name) for name in names}
    findings = Findings()
    for table in tables.values():
        check_format(table, findings)
    totals = check_totals(tables, findings)
    check_tiers(tables, findings)
    check_current(totals, findings)
    check_publications(tables, findings)
    check_report(report, tables, totals, findings)
    check_example_of_the_book(tables_folder.resolve(), totals, findings)
    check_views(tables_folder.resolve(), findings)
    if (tables_folder.parent / "plain").exists():
        check_plain(tables_folder.resolve(), totals, findings)

    print(summary(totals))
    for problem in findings.problems:
        print(f"error: {problem}", file=sys.stderr)
    readers = (f"DuckDB {duckdb.__version__}, Polars {polars.__version__} and deltalake with "
               f"pyarrow {pyarrow.__version__}")
    print(f"{readers}: {findings.compared} comparisons, {len(findings.problems)} differences")
    return 1 if findings.problems else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    verdict = main(Path(sys.argv[1]), Path(sys.argv[2]))
    # The readers' threads may outlive the interpreter, which then aborts: the verdict is in by now.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(verdict)
