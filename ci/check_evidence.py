"""What the pages of jobs/bi/evidence have to show, by the tables; and that the site has no user in it.

    python3 ci/check_evidence.py OUTPUT SITE

OUTPUT is the output of a tierline job, SITE the folder that `npm run build` made over it. Prints, as JSON, texts
by page and by what is chosen there. A user id anywhere in the site's data is an error.
"""

import json
import sys
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet
from deltalake import DeltaTable

Rows = list[dict[str, Any]]


class Output:
    """The tables of an output: their rows of the newest date, and labels of tiers and warnings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.users = self.rows("tier_current")
        self.newest = self.users[0]["snapshot_date"]
        tiers = {(row["dimension"], row["tier"]): row for row in self.rows("dim_tier")}
        self.labels = {key: row["label_en"] for key, row in tiers.items()}
        self.ranks = {key: row["rank"] for key, row in tiers.items()}

    def rows(self, table: str) -> Rows:
        return DeltaTable(self.folder / "tables" / table).to_pyarrow_table().to_pylist()

    def newest_rows(self, table: str) -> Rows:
        return [row for row in self.rows(table) if row["snapshot_date"] == self.newest]


def whole(number: Any) -> str:
    return f"{Decimal(number).quantize(Decimal(1), ROUND_HALF_UP):,}"


def today(output: Output) -> list[str]:
    contacts = sum(row["channel"] != "none" for row in output.newest_rows("actions"))
    alerts = output.newest_rows("alerts")
    kpis = {row["metric"]: row["value"] for row in output.newest_rows("kpi_daily")}
    return [
        str(output.newest),
        f"Users {whole(len(output.users))}",
        f"Revenue, 365 days {whole(sum(row['revenue_365d'] for row in output.users))}",
        f"Alerts {len(alerts)}",
        f"Users to contact {whole(contacts)}",
        f"Revenue of the day {kpis['revenue_d0']:,.2f}",
        f"High value, of users {kpis['high_value_user_share']:.1%}",
        *(row["title_en"] for row in alerts),
        *(row["label_en"] for row in output.rows("dim_metric") if row["metric"] in kpis),
    ]


def tiers(output: Output, dimension: str) -> list[str]:
    users = Counter(row[dimension] for row in output.users)
    return [f"{output.labels[dimension, tier]} {whole(count)} {count / len(output.users):.1%}"
            for tier, count in users.items()]


def moves(output: Output, dimension: str, period: str) -> list[str]:
    cells = [row for row in output.newest_rows("tier_migration_matrix")
             if (row["dimension"], row["period"]) == (dimension, period) and row["from_tier"] != row["to_tier"]]
    return [f"{before_and_now(output, row)} {whole(row['users'])} {whole(row['revenue_365d'])}" for row in cells]


def before_and_now(output: Output, cell: dict[str, Any]) -> str:
    """The two labels of a cell of the matrix, and the direction that leads from one to the other."""
    before, now = ((cell["dimension"], cell[end]) for end in ["from_tier", "to_tier"])
    if cell["from_tier"] is None:
        return f"Not there {output.labels[now]} entered"
    if cell["to_tier"] is None:
        return f"{output.labels[before]} Gone left"
    direction = "up" if output.ranks[now] > output.ranks[before] else "down"
    return f"{output.labels[before]} {output.labels[now]} {direction}"


def actions(output: Output) -> list[str]:
    found = output.newest_rows("actions")
    users = Counter(row["playbook"] for row in found if row["channel"] != "none")
    return [f"All - - {whole(sum(users.values()))} ",
            f"Leave {whole(sum(row['channel'] == 'none' for row in found))} users alone", *users]


def warnings(output: Output) -> list[str]:
    return [f"{label} {whole(sum(row[tier] for row in output.users))} "
            for (dimension, tier), label in output.labels.items() if dimension == "warning"]


def users_in(site: Path, output: Output) -> list[str]:
    """The files of the site's data that have a user id in them."""
    ids = {row["user_id"] for row in output.users}
    files = sorted((site / "data").rglob("*.parquet"))
    if not files:
        sys.exit(f"error: {site / 'data'} has no Parquet files")
    columns = [(file, column) for file in files if file.stat().st_size
               for column in pyarrow.parquet.read_table(file).columns]
    return [str(file) for file, column in columns if ids & set(map(str, column.to_pylist()))]


def main(output: Output, site: Path) -> int:
    print(json.dumps([
        {"page": "", "chosen": [], "texts": today(output)},
        {"page": "tiers", "chosen": [], "texts": tiers(output, "value_tier")},
        {"page": "tiers", "chosen": [["Value tier", "RFM class"]], "texts": tiers(output, "rfm_class")},
        {"page": "moves", "chosen": [], "texts": moves(output, "value_tier", "night")},
        {"page": "moves", "chosen": [["Since the night before", "In 7 days"], ["Value tier", "Lifecycle stage"]],
         "texts": moves(output, "lifecycle_stage", "week")},
        {"page": "actions", "chosen": [], "texts": actions(output)},
        {"page": "warnings", "chosen": [], "texts": warnings(output)},
    ]))
    for file in users_in(site, output):
        print(f"error: {file} has ids of users", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(Output(Path(sys.argv[1]).resolve()), Path(sys.argv[2]).resolve()))
