"""What cases are made of: the common small input, a job over it, and what a night may do.

`Lake` is one case's folder: `data/<source>/dt=<day>/` and the project that `tierline init` writes.
`ORDERS` and `EVENTS` are the rows that every case delivers unless it says otherwise: 12 users, 3 days.
`Night` holds what `check`, `plan` and `run` said, and is compared with figures that plain Python
computes from the rows, never with anything that tierline computes.
"""

import datetime
import os
import shutil
import subprocess
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
from deltalake import DeltaTable

Row = dict[str, Any]

DAYS = ["2026-11-18", "2026-11-19", "2026-11-20"]
LAST_DAY = DAYS[-1]
USERS = range(101, 113)
MONEY = pyarrow.decimal128(18, 2)
INSTANT = pyarrow.timestamp("us", tz="UTC")

ORDER_SCHEMA = pyarrow.schema({
    "order_id": pyarrow.int64(), "user_id": pyarrow.int64(), "ordered_at": INSTANT, "amount": MONEY,
    "status": pyarrow.string(), "discount": MONEY, "channel": pyarrow.string(),
    "category": pyarrow.string(),
})
EVENT_SCHEMA = pyarrow.schema({
    "user_id": pyarrow.int64(), "occurred_at": INSTANT, "event_type": pyarrow.string(),
    "duration_seconds": pyarrow.int64(), "content_id": pyarrow.int64(), "channel": pyarrow.string(),
    "campaign_id": pyarrow.int64(),
})
SCHEMAS = {"orders": ORDER_SCHEMA, "engagement": EVENT_SCHEMA}

JOB = """version = 1
timezone = "UTC"
output = "../output"
sql = "../sql"

[sources.orders]
url = "../data/orders"

[sources.engagement]
url = "../data/engagement"

[calibration]
recency_days = [7, 30, 90, 180]
orders_365d = [1, 2, 4, 8]
revenue_365d = ["50.00", "200.00", "500.00", "2000.00"]
"""


def at(day: str, hour: int, minute: int = 0) -> datetime.datetime:
    """An instant of a day, in UTC."""
    midnight = datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.timezone.utc)
    return midnight + datetime.timedelta(hours=hour, minutes=minute)


def _orders() -> list[Row]:
    rows = []
    for index, day in enumerate(DAYS):
        for user in USERS:
            if (user + index) % 3 == 0:
                rows.append({
                    "day": day, "order_id": 1001 + len(rows), "user_id": user,
                    "ordered_at": at(day, 10, user - 100),
                    "amount": Decimal(user) + Decimal("0.25") + index,
                    "status": "paid" if user % 5 else "cancelled",
                    "discount": Decimal("1.50") if user % 2 else None,
                    "channel": "web", "category": "toys",
                })
    return rows


def _events() -> list[Row]:
    return [{
        "day": day, "user_id": user, "occurred_at": at(day, 12, number),
        "event_type": ["open", "like", "view"][number], "duration_seconds": 10 * number,
        "content_id": 7, "channel": "app", "campaign_id": None,
    } for index, day in enumerate(DAYS) for user in USERS for number in range((user + index) % 4)]


ORDERS = _orders()
EVENTS = _events()
ROWS = {"orders": ORDERS, "engagement": EVENTS}


def of_day(rows: Iterable[Row], day: str) -> list[Row]:
    return [row for row in rows if row["day"] == day]


def table(rows: Iterable[Row], schema: pyarrow.Schema) -> pyarrow.Table:
    """Rows as a table; what the schema does not name is left out."""
    rows = [{name: row.get(name) for name in schema.names} for row in rows]
    return pyarrow.Table.from_pylist(rows, schema=schema)


class Lake:
    """The folder of one case, with a project in it and no data yet."""

    def __init__(self, folder: Path, binary: Path, project: Path):
        self.folder = folder
        self.binary = binary
        shutil.copytree(project, folder, dirs_exist_ok=True)
        (folder / "jobs/production.toml").write_text(JOB)

    @staticmethod
    def init(binary: Path, project: Path) -> None:
        """Writes out the project that every case begins with."""
        subprocess.run([binary, "init", project], check=True, capture_output=True)

    def path(self, relative: str) -> Path:
        """A path below the case's folder; the folders above it are made."""
        path = self.folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def partition(self, source: str, day: str) -> Path:
        """The folder of a source's day."""
        folder = self.folder / f"data/{source}/dt={day}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def deliver(self, source: str, days: Iterable[str] = DAYS, rows: Iterable[Row] | None = None,
                schema: pyarrow.Schema | None = None, name: str = "part-0.parquet",
                **options: Any) -> None:
        """Writes a file for each day: the common rows of that day, or those of `rows`.
        `options` are pyarrow's."""
        rows = ROWS[source] if rows is None else list(rows)
        for day in days:
            content = table(of_day(rows, day), schema or SCHEMAS[source])
            pyarrow.parquet.write_table(content, self.partition(source, day) / name, **options)

    def edit(self, relative: str, old: str, new: str) -> None:
        """Replaces a text of a file of the project, such as `jobs/production.toml`."""
        path = self.folder / relative
        text = path.read_text()
        assert old in text, f"{relative} has no {old!r}"
        path.write_text(text.replace(old, new))

    def set(self, section: str, line: str) -> None:
        """Adds a line to a section of the job file, such as `sources.orders`."""
        heading = f"[{section}]\n"
        path = self.folder / "jobs/production.toml"
        text = path.read_text()
        if heading in text:
            path.write_text(text.replace(heading, f"{heading}{line}\n"))
        else:
            path.write_text(f"{text}\n{heading}{line}\n")

    def call(self, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """One call of tierline, in the project's folder."""
        return subprocess.run([self.binary, *arguments], cwd=self.folder, capture_output=True,
                              text=True, timeout=120, env={**os.environ, **(env or {})})

    def night(self, day: str = LAST_DAY, env: dict[str, str] | None = None) -> "Night":
        """Checks the job, plans the night and runs it."""
        check = self.call("check", "production", env=env)
        plan = self.call("plan", "production", "--date", day, env=env)
        run = self.call("run", "production", "--date", day, env=env)
        return Night(self, day, check, plan, run)

    def snapshot(self, day: str = LAST_DAY) -> list[Row]:
        """The published rows of a day, read by the deltalake package."""
        rows = DeltaTable(self.folder / "output/tables/tier_snapshot").to_pyarrow_table().to_pylist()
        return [row for row in rows if str(row["snapshot_date"]) == day]


class Night:
    """What became of one night."""

    def __init__(self, lake: Lake, day: str, *calls: subprocess.CompletedProcess[str]):
        self.lake = lake
        self.day = day
        self.check, self.plan, self.run = calls
        for call in calls:
            # 101 is a panic; a negative code is a signal.
            assert 0 <= call.returncode <= 5, self.said(call)

    def said(self, call: subprocess.CompletedProcess[str]) -> str:
        arguments = " ".join(str(argument) for argument in call.args[1:])
        return f"$ tierline {arguments}\n{call.stdout}{call.stderr}[exit {call.returncode}]"

    def published(self, orders: Iterable[Row] = ORDERS, events: Iterable[Row] = EVENTS,
                  users: Iterable[Any] = (), **columns: dict[Any, Any]) -> "Night":
        """Holds the snapshot against rows: each user's orders, revenue and events. `users` have
        neither; `columns` are further columns, by user."""
        assert self.run.returncode == 0, self.said(self.run)
        expected = figures(orders, events, users)
        found = {row["user_id"]: (row["orders_lifetime"], row["revenue_lifetime"] or Decimal(0),
                                  row["events_lifetime"]) for row in self.lake.snapshot(self.day)}
        _assert_equal(found, expected, "orders, revenue, events")
        for name, values in columns.items():
            by_user = {row["user_id"]: row[name] for row in self.lake.snapshot(self.day)}
            _assert_equal({user: by_user.get(user) for user in values}, values, name)
        return self

    def refused(self, exit_code: int, *texts: str) -> "Night":
        """The night ended with a code, said these texts, and published nothing."""
        assert self.run.returncode == exit_code, self.said(self.run)
        assert "published by run" not in self.run.stdout, self.said(self.run)
        return self.says(*texts)

    def says(self, *texts: str) -> "Night":
        """`run` says each of these texts."""
        for text in texts:
            assert text in self.run.stdout + self.run.stderr, f"no {text!r} in\n{self.said(self.run)}"
        return self

    def plans(self, *texts: str) -> "Night":
        """`plan` says each of these texts."""
        for text in texts:
            assert text in self.plan.stdout + self.plan.stderr, f"no {text!r} in\n{self.said(self.plan)}"
        return self

    def warns_of_nothing(self) -> "Night":
        """`run` has no warnings but the alerts of its KPIs."""
        said = self.run.stdout + self.run.stderr
        assert "warning: " not in said and "WARN" not in said, self.said(self.run)
        return self


def figures(orders: Iterable[Row], events: Iterable[Row], users: Iterable[Any] = ()) -> dict[Any, Any]:
    """Orders, revenue and events of every user, by the definitions in sql/README.md."""
    totals: dict[Any, list[Any]] = {user: [0, Decimal(0), 0] for user in users}
    for order in orders:
        user = totals.setdefault(order["user_id"], [0, Decimal(0), 0])
        if order["status"] in ("paid", "completed"):
            user[0] += 1
            user[1] += order["amount"]
    for event in events:
        totals.setdefault(event["user_id"], [0, Decimal(0), 0])[2] += 1
    return {user: tuple(total) for user, total in totals.items()}


def _assert_equal(found: dict[Any, Any], expected: dict[Any, Any], what: str) -> None:
    different = [user for user in {**found, **expected} if found.get(user) != expected.get(user)]
    lines = [f"  user {user!r}: published {found.get(user)}, expected {expected.get(user)}"
             for user in different[:8]]
    assert not different, f"{what} differ for {len(different)} users:\n" + "\n".join(lines)
