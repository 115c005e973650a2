"""What the measured processes cost, as text: a table of costs and a table of ratios."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

from measure import Cost

# What was measured -> its cost in each round.
Costs = dict[str, list[Cost]]

TITLES = {
    "cold": "tierline, cold",
    "night": "tierline, night",
    "raw": "DuckDB from raw",
    "by_hand_build": "DuckDB by hand, build",
    "by_hand": "DuckDB by hand, night",
    "copy": "copy of the snapshot",
}

# How much of DuckDB's time from raw a night may take, by days of data.
NIGHT_TARGETS = {365: 0.2, 3 * 365: 0.08}


@dataclass(frozen=True)
class Ratio:
    """One cost over another, paired as they were measured."""

    name: str
    values: list[float]
    target: float | None

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def verdict(self) -> str:
        if self.target is None:
            return ""
        return "met" if self.median <= self.target else "missed"


def ratios(costs: Costs, days: int) -> list[Ratio]:
    """The ratios within rounds; a round without a cold run has no ratio of it."""

    def within_rounds(above: str, below: str, of: Callable[[Cost], float]) -> list[float]:
        return [of(cost) / of(base) for cost, base in zip(costs[above], costs[below])]

    def seconds(cost: Cost) -> float:
        return cost.seconds

    def peak(cost: Cost) -> float:
        return cost.peak_mb

    return [
        Ratio("night / copy", within_rounds("night", "copy", seconds), 2.0),
        Ratio("night / DuckDB from raw", within_rounds("night", "raw", seconds),
              NIGHT_TARGETS.get(days)),
        Ratio("night / DuckDB by hand", within_rounds("night", "by_hand", seconds), None),
        Ratio("cold / DuckDB from raw", within_rounds("cold", "raw", seconds), 1.0),
        Ratio("peak memory, night / DuckDB from raw", within_rounds("night", "raw", peak), 0.5),
    ]


def cost_table(costs: Costs) -> str:
    """One line for each process that was measured."""
    head = ["", "runs", "seconds", "min", "max", "CPU s", "peak MB", "MB read", "requests"]
    return aligned([head, *[cost_cells(name, costs[name]) for name in TITLES]])


def cost_cells(name: str, costs: list[Cost]) -> list[str]:
    seconds = [cost.seconds for cost in costs]
    return [
        TITLES[name],
        str(len(costs)),
        *[f"{value:,.2f}" for value in (median(seconds), min(seconds), max(seconds))],
        f"{median(cost.cpu_seconds for cost in costs):,.2f}",
        f"{median(cost.peak_mb for cost in costs):,.0f}",
        median_or_dot(cost.read_mb for cost in costs),
        median_or_dot(cost.requests for cost in costs),
    ]


def stage_line(costs: Costs) -> str:
    """Where tierline's nights spent their time."""
    nights = [cost.report["seconds"] for cost in costs["night"]]
    stages = {stage: median(night[stage] for night in nights) for stage in nights[0]}
    in_order = sorted(stages.items(), key=lambda stage: -stage[1])
    return "seconds of a night: " + ", ".join(f"{name} {value:.2f}" for name, value in in_order)


def median_or_dot(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{median(known):,.0f}" if known else "."


def ratio_table(found: list[Ratio]) -> str:
    """One line for each ratio, with its target where there is one."""
    head = ["", "median", "min", "max", "target", ""]
    lines = [
        [
            ratio.name,
            *[f"{value:.3f}" for value in (ratio.median, min(ratio.values), max(ratio.values))],
            "." if ratio.target is None else f"<= {ratio.target}",
            ratio.verdict,
        ]
        for ratio in found
    ]
    return aligned([head, *lines])


def aligned(lines: list[list[str]]) -> str:
    """The first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]),
                   *[cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]]).rstrip()
        for line in lines
    )
