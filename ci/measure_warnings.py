"""What nights in a row say about tiers and warnings: tables in Markdown on stdout.

    PYTHONPATH=$(ci/python_packages.sh) python3 ci/measure_warnings.py DATA TABLES [BEFORE]

DATA has `orders` and `engagement` as daily partitions; TABLES is the folder of the Delta tables
that nights in a row published from them; BEFORE is such a folder of an earlier version of tierline,
to compare with.

1. Users per tier on the newest night.
2. How often each warning is raised, and for how long.
3. What users did in the 60 days after it, on every seventh night that has 60 days after it in the
   data. Precision: of the users with the warning, those of whom it came. Recall: of those of whom
   it came, the users with the warning. In brackets, of how many of all users it came.
4. The KPIs of the newest night, and of the median night.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
from deltalake import DeltaTable

HORIZON = 60  # days
EVENT_TYPES = Path(__file__).parents[1] / "sql/reference/event_types.csv"

# What may come of a user: among whom, and what counts as it. Both are of the data alone: of the
# HORIZON days up to a night ("before"), of as many days before these ("earlier"), and of those
# after it.
OUTCOMES = {
    "spends half or less": ("revenue_before > 0", "revenue_after <= revenue_before / 2"),
    "spends half or less of earlier": (
        "revenue_earlier > 0", "revenue_after <= revenue_earlier / 2"
    ),
    "no order": ("orders_before > 0", "orders_after = 0"),
    "neither order nor event": (
        "orders_before + events_before > 0", "orders_after + events_after = 0"
    ),
}

Row = tuple[Any, ...]


def table(db: duckdb.DuckDBPyConnection, version: str, tables: Path, name: str) -> str:
    """The name of a view of a published table."""
    files = DeltaTable(tables / name).file_uris()
    view = f"{name}_{version}"
    db.read_parquet(files, hive_partitioning=True).create_view(view)
    return view


def columns(db: duckdb.DuckDBPyConnection, view: str) -> list[str]:
    return [name for name, *_ in db.sql(f"DESCRIBE {view}").fetchall()]


def share(value: float | None) -> str:
    return "none" if value is None else f"{value:.1%}"


def number(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def page(title: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    head = list(head)
    yield f"\n### {title}\n"
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


class Nights:
    """What one version of tierline published."""

    def __init__(
        self, db: duckdb.DuckDBPyConnection, version: str, data: Path, tables: Path
    ) -> None:
        self.db = db
        self.version = version
        self.snapshot = table(db, version, tables, "tier_snapshot")
        self.kpi_daily = table(db, version, tables, "kpi_daily")
        dim_tier = table(db, version, tables, "dim_tier")
        tiers = db.sql(f"SELECT dimension, tier FROM {dim_tier} ORDER BY ALL").fetchall()
        has = set(columns(db, self.snapshot))
        self.dimensions = sorted({name for name, _ in tiers if name != "warning" and name in has})
        self.warnings = [tier for name, tier in tiers if name == "warning" and tier in has]
        first, self.last, nights = self.one(f"""
            SELECT min(snapshot_date), max(snapshot_date), count(DISTINCT snapshot_date)
            FROM {self.snapshot}
        """)
        self.span = f"{nights} nights, {first} to {self.last}"
        self.follow(data)

    def one(self, sql: str) -> Row:
        [row] = self.db.sql(sql).fetchall()
        return row

    def follow(self, data: Path) -> None:
        """Makes `self.followed`: snapshots of some nights beside what their users did before and
        after. Touches are the brand's doing, not the user's."""
        self.followed = f"{self.snapshot}_followed"
        night = "snapshots.snapshot_date"
        spans = {
            "earlier": f"days.day <= {night} - {HORIZON}",
            "before": f"days.day > {night} - {HORIZON} AND days.day <= {night}",
            "after": f"days.day > {night}",
        }
        figures = ", ".join(
            f"coalesce(sum(days.{figure}) FILTER ({span}), 0) AS {figure}_{which}"
            for figure in ("revenue", "orders", "events")
            for which, span in spans.items()
        )
        self.db.execute(f"""
            CREATE TABLE {self.followed} AS
            WITH days AS (
                SELECT CAST(user_id AS VARCHAR) AS user_id, dt AS day, sum(amount) AS revenue,
                       count(*) AS orders, 0 AS events
                FROM read_parquet('{data}/orders/*/*.parquet', hive_partitioning = TRUE)
                WHERE status IN ('paid', 'completed')
                GROUP BY ALL
                UNION ALL
                SELECT CAST(user_id AS VARCHAR), dt, 0, 0, count(*)
                FROM read_parquet('{data}/engagement/*/*.parquet', hive_partitioning = TRUE)
                WHERE event_type NOT IN (
                    SELECT event_type FROM read_csv('{EVENT_TYPES}') WHERE is_touch
                )
                GROUP BY ALL
            ),
            snapshots AS (
                SELECT * FROM {self.snapshot}
                WHERE snapshot_date <= (SELECT max(day) - {HORIZON} FROM days)
                  AND (snapshot_date - (SELECT min(snapshot_date) FROM {self.snapshot})) % 7 = 0
            )
            SELECT snapshots.*, {figures}
            FROM snapshots
            LEFT JOIN days ON CAST(snapshots.user_id AS VARCHAR) = days.user_id
                AND days.day > {night} - 2 * {HORIZON}
                AND days.day <= {night} + {HORIZON}
            GROUP BY ALL
        """)

    def users_per_tier(self) -> dict[Row, float]:
        return {
            (dimension, tier): part
            for dimension in self.dimensions
            for tier, part in self.db.sql(f"""
                SELECT CAST({dimension} AS VARCHAR), count(*) / sum(count(*)) OVER ()
                FROM {self.snapshot} WHERE snapshot_date = DATE '{self.last}' GROUP BY 1
            """).fetchall()
        }

    def raised(self, warning: str) -> Row:
        """Share of user-nights, users on the median night, users ever, spells, nights of one."""
        return self.one(f"""
            WITH marked AS (
                SELECT user_id, snapshot_date, coalesce({warning}, FALSE) AS is_raised,
                       row_number() OVER (PARTITION BY user_id ORDER BY snapshot_date)
                           - row_number() OVER (PARTITION BY user_id, coalesce({warning}, FALSE)
                                                ORDER BY snapshot_date) AS spell
                FROM {self.snapshot}
            ),
            nights AS (
                SELECT snapshot_date, count(*) FILTER (is_raised) AS users FROM marked GROUP BY ALL
            ),
            spells AS (
                SELECT user_id, spell, count(*) AS nights FROM marked WHERE is_raised GROUP BY ALL
            )
            SELECT (SELECT avg(CAST(is_raised AS INTEGER)) FROM marked),
                   (SELECT median(users) FROM nights), (SELECT count(DISTINCT user_id) FROM spells),
                   (SELECT count(*) FROM spells), (SELECT median(nights) FROM spells),
                   (SELECT quantile_cont(nights, 0.9) FROM spells)
        """)

    def outcome(self, warning: str, outcome: str) -> Row:
        """Of the users with the warning, those of whom it came; of these, those with the warning;
        of all, those of whom it came."""
        among, came = OUTCOMES[outcome]
        raised = f"coalesce({warning}, FALSE)"
        return self.one(f"""
            SELECT count(*) FILTER ({raised} AND {came}) / nullif(count(*) FILTER ({raised}), 0),
                   count(*) FILTER ({raised} AND {came}) / nullif(count(*) FILTER ({came}), 0),
                   count(*) FILTER ({came}) / nullif(count(*), 0)
            FROM {self.followed} WHERE {among}
        """)

    def kpis(self) -> dict[str, Row]:
        rows = self.db.sql(f"""
            SELECT metric, max(CAST(value AS DOUBLE)) FILTER (snapshot_date = DATE '{self.last}'),
                   median(CAST(value AS DOUBLE))
            FROM {self.kpi_daily} GROUP BY 1 ORDER BY 1
        """).fetchall()
        return {metric: (last, median) for metric, last, median in rows}


def report(versions: list[Nights]) -> Iterator[str]:
    of = [nights.version for nights in versions]
    yield "; ".join(f"{nights.version}: {nights.span}" for nights in versions) + "."

    tiers = [nights.users_per_tier() for nights in versions]
    keys = sorted({key for found in tiers for key in found})
    yield from page(
        "Users per tier, on the newest night",
        ["dimension", "tier", *of],
        (
            [f"`{key[0]}`", f"`{key[1]}`", *(share(found.get(key)) for found in tiers)]
            for key in keys
        ),
    )
    warnings = sorted(
        ((warning, nights) for nights in versions for warning in nights.warnings),
        key=lambda of_version: of_version[0],
    )
    yield from page(
        "How often and how long",
        ["warning", "version", "of all user-nights", "users on the median night", "users ever",
         "spells", "median nights", "nine in ten end after"],
        (
            [f"`{warning}`", nights.version, share(row[0]), *(number(value) for value in row[1:])]
            for warning, nights in warnings
            for row in [nights.raised(warning)]
        ),
    )
    yield from page(
        f"What came in the {HORIZON} days after",
        ["warning", "version", *(f"{outcome}: precision, recall (of all)" for outcome in OUTCOMES)],
        (
            [
                f"`{warning}`",
                nights.version,
                *(
                    f"{share(precision)}, {share(recall)} ({share(base)})"
                    for outcome in OUTCOMES
                    for precision, recall, base in [nights.outcome(warning, outcome)]
                ),
            ]
            for warning, nights in warnings
        ),
    )
    figures = [nights.kpis() for nights in versions]
    metrics = sorted({metric for found in figures for metric in found})
    nothing = (None, None)
    yield from page(
        "Figures of the newest night, and of the median night",
        ["metric", *(f"{name}: {which}" for name in of for which in ("newest", "median"))],
        (
            [
                f"`{metric}`",
                *(number(value) for found in figures for value in found.get(metric, nothing)),
            ]
            for metric in metrics
        ),
    )


def main() -> None:
    data, *tables = map(Path, sys.argv[1:])
    db = duckdb.connect()
    versions = zip(("now", "before"), tables)
    nights = [Nights(db, version, data, folder) for version, folder in versions]
    print("\n".join(report(nights)))


if __name__ == "__main__":
    main()
