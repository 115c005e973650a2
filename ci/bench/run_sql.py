"""Runs a file of SQL statements in DuckDB, then prints a JSON object with the bytes it read.

    python3 run_sql.py SCRIPT
"""

import json
import sys
from pathlib import Path

import duckdb


def bytes_read_so_far() -> int | None:
    """What this process read, from storage or the page cache; None where Linux is not."""
    counters = Path("/proc/self/io")
    if not counters.exists():
        return None
    values = dict(line.split(": ") for line in counters.read_text().splitlines())
    return int(values["rchar"])


def main(script: str) -> None:
    before = bytes_read_so_far()
    duckdb.connect().execute(Path(script).read_text())
    after = bytes_read_so_far()
    bytes_read = None if before is None or after is None else after - before
    print(json.dumps({"bytes_read": bytes_read, "duckdb": duckdb.__version__}))


if __name__ == "__main__":
    main(sys.argv[1])
