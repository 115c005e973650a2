"""Runs one process and says what it cost.

A process starts with the peak memory of the one that started it, so this one has to stay small:
nothing in it loads data or DuckDB.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

RUN_SQL = Path(__file__).with_name("run_sql.py")
PEAK_UNITS_PER_MB = 1e6 if sys.platform == "darwin" else 1e6 / 1024


@dataclass(frozen=True)
class Cost:
    """What one process took. `report` is the JSON object of its last line."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def read_mb(self) -> float | None:
        """What came from storage or the page cache; None where the system does not count it."""
        bytes_read = self.report["bytes_read"]
        return None if bytes_read is None else bytes_read / 1e6

    @property
    def requests(self) -> int | None:
        """GETs and LISTs; DuckDB does not say."""
        if "get_requests" not in self.report:
            return None
        return int(self.report["get_requests"] + self.report["list_requests"])


def run_tierline(binary: Path, job: Path, day: date) -> Cost:
    """Publishes a date that is not yet published."""
    cost = run([str(binary), "run", str(job), "--date", str(day), "--output", "json"])
    if cost.report["status"] != "published":
        sys.exit(f"tierline run --date {day}: {cost.report['status']} instead of published")
    cost.report.pop("output")  # a path of this machine
    return cost


def run_duckdb(script: Path) -> Cost:
    """Runs a file of SQL statements in a DuckDB of its own."""
    return run([sys.executable, str(RUN_SQL), str(script)])


def run(command: list[str]) -> Cost:
    """Runs a command whose last line on stdout is a JSON object."""
    os.sync()  # nobody waits for what others wrote before
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        output = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"exit code {process.returncode} from {' '.join(command)}")
    return Cost(
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_mb=usage.ru_maxrss / PEAK_UNITS_PER_MB,
        report=json.loads(output.splitlines()[-1]),
    )
