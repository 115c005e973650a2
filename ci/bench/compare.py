"""Compares two snapshots in every column but run_id; exits with 1 when they differ.

    python3 compare.py NAME EXPECTED FOUND

EXPECTED and FOUND are JSON lists of Parquet files. A process of its own: see measure.py.
"""

import json
import sys
import tempfile

import duckdb

LEFT_OUT = {"run_id"}


def types_by_column(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    rows = connection.execute(f"DESCRIBE {table}").fetchall()
    return {row[0]: row[1] for row in rows if row[0] not in LEFT_OUT}


def count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    ((rows,),) = connection.execute(f"SELECT COUNT(*) FROM ({query})").fetchall()
    return int(rows)


def differences(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """What differs between the views expected and found: counts, and no user's name."""
    expected_types = types_by_column(connection, "expected")
    found_types = types_by_column(connection, "found")
    if expected_types != found_types:
        odd = {name for name, _ in expected_types.items() ^ found_types.items()}
        return [f"columns or their types differ: {', '.join(sorted(odd))}"]

    columns = ", ".join(expected_types)
    expected, found = f"SELECT {columns} FROM expected", f"SELECT {columns} FROM found"
    only_expected = count(connection, f"{expected} EXCEPT ALL {found}")
    only_found = count(connection, f"{found} EXCEPT ALL {expected}")
    if only_expected == only_found == 0:
        return []
    rows = f"{only_expected} rows are only tierline's, {only_found} only the other's"
    return [rows, *differing_columns(connection, list(expected_types))]


def differing_columns(connection: duckdb.DuckDBPyConnection, columns: list[str]) -> list[str]:
    """In how many of the users that both sides have each column differs, most first."""
    counts = ", ".join(
        f"COUNT(*) FILTER (expected.{name} IS DISTINCT FROM found.{name})" for name in columns
    )
    both = connection.execute(f"SELECT {counts} FROM expected JOIN found USING (user_id)")
    (users_by_column,) = both.fetchall()
    differing = [pair for pair in zip(users_by_column, columns) if pair[0] > 0]
    return [f"{name} of {users} users" for users, name in sorted(differing, reverse=True)]


def main(name: str, expected_files: str, found_files: str) -> int:
    connection = duckdb.connect(config={"temp_directory": tempfile.gettempdir()})
    for view, files in [("expected", expected_files), ("found", found_files)]:
        paths = json.loads(files)
        connection.read_parquet(paths, hive_partitioning=False).create_view(view)
    found = differences(connection)
    for difference in found:
        print(f"error: {name} is not tierline's snapshot: {difference}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
