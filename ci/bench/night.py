"""Measures a night of tierline beside DuckDB computing the same snapshot, and compares the results.

    python3 ci/bench/night.py --binary TIERLINE [--users N] [--years N] [--rounds N] ...

1. `Sample.make`: the sample data.
2. `cold_run`: tierline publishes 2026-10-30 with nothing to build on.
3. `measure_round`: tierline publishes 2026-10-31 on top of that; DuckDB computes the same snapshot
   from the raw rows, and by hand from tables of user-days; and copies the finished snapshot.
4. `compare`: the three snapshots are the same in every column.
5. `figures`: what each process took, and the ratios within each round.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from figures import TITLES, Costs, Ratio, cost_table, ratio_table, ratios, stage_line
from measure import Cost, run_duckdb, run_tierline
from sample import Sample, Size
from scripts import Scripts

COLD_NIGHT = date(2026, 10, 30)
NIGHT = date(2026, 10, 31)  # the last day of the sample data
COMPARE = Path(__file__).with_name("compare.py")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A night of tierline beside DuckDB.")
    parser.add_argument("--binary", type=Path, required=True, help="the tierline to measure")
    parser.add_argument("--folder", type=Path, help="for data and output; default under TMPDIR")
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--years", type=int, default=1, help="years of data, of 365 days")
    parser.add_argument("--days", type=int, help="days of data instead of years")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cold-rounds", type=int, default=1, help="in how many rounds to run cold")
    parser.add_argument("--threads", type=int, default=2, help="of tierline and of DuckDB")
    parser.add_argument("--result", type=Path, help="write all figures to this file, as JSON")
    parser.add_argument("--compare-years", type=Path, metavar="RESULT",
                        help="the result of another run whose nights to compare with")
    arguments = parser.parse_args()
    if not 1 <= arguments.cold_rounds <= arguments.rounds:
        parser.error("--cold-rounds must be 1 or more, and at most --rounds")
    if arguments.compare_years and not arguments.compare_years.exists():
        parser.error(f"{arguments.compare_years} does not exist")
    arguments.days = arguments.days or 365 * arguments.years
    arguments.binary = arguments.binary.resolve()
    name = f"tierline-bench-{arguments.users}-users-{arguments.days}-days"
    arguments.folder = (arguments.folder or Path(tempfile.gettempdir()) / name).resolve()
    return arguments


def measure(arguments: argparse.Namespace, sample: Sample) -> Costs:
    """What everything costs, in every round."""
    costs: Costs = {name: [] for name in TITLES}
    for number in range(arguments.rounds):
        print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr, flush=True)
        if number < arguments.cold_rounds:
            cold = cold_run(arguments.binary, sample)
            costs["cold"].append(cold)
            scripts = Scripts(sample.folder, arguments.threads, NIGHT, cold.report["cutpoints_id"])
        if number == 0:
            scripts.remove_old()
            costs["by_hand_build"].append(run_duckdb(scripts.user_days_before(arguments.days - 1)))
        measure_round(arguments.binary, sample, scripts, costs)
    return costs


def cold_run(binary: Path, sample: Sample) -> Cost:
    """The first night of all, whose output the measured nights start from."""
    sample.remove_output()
    cost = run_tierline(binary, sample.job, COLD_NIGHT)
    sample.keep_output()
    return cost


def measure_round(binary: Path, sample: Sample, scripts: Scripts, costs: Costs) -> None:
    """A night, and what it is compared with, one right after the other."""
    kept_files = sample.kept_files()
    sample.restore_output()
    costs["night"].append(run_tierline(binary, sample.job, NIGHT))
    if sample.kept_files() != kept_files:
        sys.exit("the night wrote into files of the night before: later rounds would not be alike")
    costs["raw"].append(run_duckdb(scripts.snapshot_from_raw()))
    costs["by_hand"].append(run_duckdb(scripts.snapshot_by_hand()))
    costs["copy"].append(run_duckdb(scripts.copy_of_snapshot()))
    for name in ["raw", "by_hand"]:
        compare(TITLES[name], scripts.published_files(NIGHT), [str(scripts.target(name))])


def compare(name: str, expected: list[str], found: list[str]) -> None:
    """Ends everything when a snapshot is not tierline's: times of different things say nothing."""
    command = [sys.executable, str(COMPARE), name, json.dumps(expected), json.dumps(found)]
    if subprocess.run(command, check=False).returncode != 0:
        sys.exit(1)


def beside_other_result(costs: Costs, other: Path) -> Ratio:
    """This night over the night of another result, which had other data."""
    nights = [cost.seconds for cost in costs["night"]]
    other_nights = [cost["seconds"] for cost in json.loads(other.read_text())["costs"]["night"]]
    return Ratio(f"night / night of {other.name}", [median(nights) / median(other_nights)], 1.1)


def result(arguments: argparse.Namespace, costs: Costs, found: list[Ratio]) -> dict[str, Any]:
    """All figures, without names of this machine."""
    sizes = ["users", "days", "rounds", "cold_rounds", "threads"]
    return {
        **{name: getattr(arguments, name) for name in sizes},
        "costs": {name: [asdict(cost) for cost in costs[name]] for name in TITLES},
        "ratios": [asdict(ratio) | {"median": ratio.median} for ratio in found],
    }


def main() -> None:
    arguments = parse_arguments()
    sample = Sample(arguments.folder)
    sample.make(arguments.binary, Size(arguments.users, arguments.days))
    sample.set_engine(arguments.threads)

    costs = measure(arguments, sample)
    found = ratios(costs, arguments.days)
    if arguments.compare_years:
        found.append(beside_other_result(costs, arguments.compare_years))

    print(f"{arguments.users:,} users, {arguments.days:,} days, {arguments.threads} threads; the "
          f"snapshots of tierline and DuckDB are the same\n")
    print(f"{cost_table(costs)}\n\n{stage_line(costs)}\n\n{ratio_table(found)}")
    if arguments.result:
        arguments.result.write_text(json.dumps(result(arguments, costs, found), indent=2) + "\n")


if __name__ == "__main__":
    main()
