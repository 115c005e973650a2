"""Measures two builds of tierline beside each other: is a night slower than it was?

    python3 ci/bench/pairs.py --binary TIERLINE --against OLDER [--users N] [--days N] [--rounds N]

Both run the same job over the same sample data, made by the older of the two, each with an output of its
own; with `--engine "ranges = 2"` the build in question has a setting under [engine] that the other has
not, and both may be the same build. A round is a first night and the night after, of both, right after
one another and in turns which goes first; a ratio is formed within a round. It needs no packages.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median

from measure import Cost, run_tierline
from sample import Sample, Size

COLD_NIGHT = date(2026, 10, 30)
NIGHT = date(2026, 10, 31)  # the last day of the sample data
COST = {"seconds": "s", "cpu_seconds": "s of CPU", "peak_mb": "MB at the peak"}


@dataclass(frozen=True)
class Round:
    """What both took for one of the nights."""

    new: Cost
    old: Cost

    def ratio(self, name: str) -> float:
        return float(getattr(self.new, name) / getattr(self.old, name))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Two builds of tierline beside each other.")
    parser.add_argument("--binary", type=Path, required=True, help="the build in question")
    parser.add_argument("--against", type=Path, required=True, help="the build of before")
    parser.add_argument("--folder", type=Path, help="for data and output; default under TMPDIR")
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--rounds", type=int, default=5, help="how often the night is measured")
    parser.add_argument("--cold-rounds", type=int, default=2, help="and how often the first night")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--engine", default="", help="a line of [engine] for the build in question")
    arguments = parser.parse_args()
    if not 1 <= arguments.cold_rounds <= arguments.rounds:
        parser.error("--cold-rounds must be 1 or more, and at most --rounds")
    name = f"tierline-pairs-{arguments.users}-users-{arguments.days}-days"
    arguments.folder = (arguments.folder or Path(tempfile.gettempdir()) / name).resolve()
    return arguments


@dataclass(frozen=True)
class Build:
    """One of the two, with what stands under [engine] for it."""

    name: str
    binary: Path
    threads: int
    settings: str

    def first_night(self, sample: Sample) -> Cost:
        """A night into an empty output, which is kept."""
        sample.remove_output()
        cost = self.run(sample, COLD_NIGHT)
        sample.keep_output(self.name)
        return cost

    def night_after(self, sample: Sample) -> Cost:
        """A night over the output that was kept."""
        sample.restore_output(self.name)
        return self.run(sample, NIGHT)

    def run(self, sample: Sample, night: date) -> Cost:
        sample.set_engine(self.threads, self.settings)
        return run_tierline(self.binary, sample.job, night)


def measure(arguments: argparse.Namespace, sample: Sample) -> Iterator[tuple[str, Round]]:
    """The rounds, as they are done."""
    threads = arguments.threads
    builds = [
        Build("old", arguments.against.resolve(), threads, ""),
        Build("new", arguments.binary.resolve(), threads, arguments.engine),
    ]
    for number in range(arguments.rounds):
        order = builds if number % 2 == 0 else builds[::-1]
        if number < arguments.cold_rounds:
            cold = {build.name: build.first_night(sample) for build in order}
            yield "first night", Round(**cold)
        nights = {build.name: build.night_after(sample) for build in order}
        yield "night", Round(**nights)


def main() -> None:
    arguments = parse_arguments()
    sample = Sample(arguments.folder)
    sample.make(arguments.against.resolve(), Size(arguments.users, arguments.days))
    rounds: dict[str, list[Round]] = {}
    for night, measured in measure(arguments, sample):
        rounds.setdefault(night, []).append(measured)
        print(f"{night}: {measured.old.seconds:.2f} s before, {measured.new.seconds:.2f} s now", flush=True)
    for night, measured in rounds.items():
        for name, unit in COST.items():
            ratios = sorted(one.ratio(name) for one in measured)
            before = median(getattr(one.old, name) for one in measured)
            now = median(getattr(one.new, name) for one in measured)
            print(f"{night}, {len(ratios)} pairs: {before:.1f} {unit} before, {now:.1f} now; "
                  f"ratio {median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})")


if __name__ == "__main__":
    main()
