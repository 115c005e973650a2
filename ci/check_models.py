"""Random feature models over windows, computed by tierline and by DuckDB from the same files.

    python3 ci/check_models.py TIERLINE [SEED [MODELS]]

1. `deliver`: a small lake of orders, engagement and users, most users in some sources only.
2. `models`: SELECTs over `windows(...)` and `features.users` with columns, constants, COALESCE,
   CASE and IS NULL, joined with each other up to three times, by every type of join, on conditions
   of either side, of both and of constants, by USING, with aggregates above and HAVING, looked up
   by EXISTS, IN and NOT IN with NULLs among the values, and put below one another by UNION ALL.
3. `publish`: each is a file of `sql/features`, joined to the snapshot; a night for every 60 of them.
4. `compare`: DuckDB runs the same SELECTs over windows that it aggregates from the rows itself.

tierline turns such joins into one merge of tiles where it can; SQL must not notice.
"""

import os
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
from deltalake import DeltaTable

SNAPSHOT_DATE = date(2026, 11, 20)
DAYS = 80
USERS = 40
MODELS = 60
MODELS_OF_A_NIGHT = 60

WINDOWS = ["d0", "7d", "30d", "prev_30d", "lifetime", "before_today"]

# The columns of each rollup that models use, with DuckDB's way to compute them, and whether a
# column is a number. A count of nothing is 0.
ROLLUPS = {
    "purchases": {
        "orders": ("COUNT(*) FILTER (WHERE counts AND {days})", True),
        "revenue": ("SUM(amount) FILTER (WHERE counts AND {days})", True),
        "largest_order": ("MAX(amount) FILTER (WHERE counts AND {days})", True),
        "last_order_day": ("MAX(day) FILTER (WHERE counts AND {days})", False),
    },
    "interactions": {
        "events": ("COUNT(*) FILTER (WHERE {days})", True),
        "interactions": ("COUNT(*) FILTER (WHERE event_type = 'like' AND {days})", True),
        "opens": ("COUNT(*) FILTER (WHERE event_type = 'open' AND {days})", True),
        "last_event_day": ("MAX(day) FILTER (WHERE {days})", False),
    },
    "registrations": {
        "acquisition_cost": ("MAX(acquisition_cost) FILTER (WHERE {days})", True),
    },
}
ROWS = {"purchases": "orders", "interactions": "engagement", "registrations": "users"}
FEATURES = {"orders_lifetime": True, "events_lifetime": True, "last_order_day": False,
            "revenue_lifetime": True, "acquisition_cost": True}

# What a side computes from a number, and from a column of any type.
OF_NUMBER = ["{x}", "COALESCE({x}, 0)", "{x} + 1", "{x} * 2", "CASE WHEN {x} > 1 THEN 'many' ELSE 'few' END",
             "{x} > 1 OR {x} IS NULL", "NULLIF({x}, 1)", "{x} BETWEEN 1 AND 20", "NOT ({x} > 1)", "-{x}"]
OF_ANYTHING = ["{x}", "{x} IS NULL", "{x} IS NOT NULL", "TRUE", "'yes'", "7", "CAST(NULL AS BIGINT)",
               "CASE WHEN {x} IS NULL THEN 'none' END", "COALESCE(CAST({x} AS VARCHAR), '?')", "user_id IS NULL"]
# What a join computes from a column of a side.
OF_SIDE = ["{x}", "{x}", "{x} IS NULL", "COALESCE(CAST({x} AS VARCHAR), '?')",
           "CASE WHEN {x} IS NOT NULL THEN 1 ELSE 0 END", "'both'"]
# What a join asks for beyond its keys: of either side, of both, of constants, and of what is NULL
# where a side has no row.
CONDITIONS = ["l.user_id > 10", "r.user_id > 10", "l.p1 IS NULL", "r.p1 IS NOT NULL",
              "l.user_id + r.user_id > 30", "(l.p1 IS NULL OR r.p0 IS NULL)",
              "CAST(l.p0 AS VARCHAR) < CAST(r.p1 AS VARCHAR)",
              "COALESCE(CAST(l.p0 AS VARCHAR), '1') <> '1'", "COALESCE(CAST(r.p1 AS VARCHAR), '?') = '?'",
              "COALESCE(CAST(l.p1 AS VARCHAR), CAST(r.p1 AS VARCHAR), '0') <= '5'",
              "COALESCE(CAST(l.p0 AS VARCHAR), 'none') = COALESCE(CAST(r.p0 AS VARCHAR), 'none')",
              "CAST(l.p0 AS VARCHAR) IS NOT DISTINCT FROM CAST(r.p0 AS VARCHAR)",
              "l.user_id BETWEEN 5 AND 25 AND r.user_id <> 7", "NOT (r.p0 IS NULL)", "1 = 1", "1 = 2",
              "CASE WHEN r.p0 IS NULL THEN l.user_id > 20 ELSE l.user_id <= 20 END"]
# What the rows of one side are looked up by in the other. NOT IN is NULL where a value is.
NULL_AMONG_THEM = "CASE WHEN r.p0 IS NULL THEN r.user_id END"
LOOKUPS = ["EXISTS (SELECT 1 FROM ({right}) AS r WHERE r.user_id = l.user_id{condition})",
           "NOT EXISTS (SELECT 1 FROM ({right}) AS r WHERE r.user_id = l.user_id{condition})",
           "l.user_id IN (SELECT r.user_id FROM ({right}) AS r WHERE r.user_id IS NOT NULL{condition})",
           "l.user_id NOT IN (SELECT r.user_id FROM ({right}) AS r WHERE r.user_id IS NOT NULL{own})",
           f"l.user_id NOT IN (SELECT {NULL_AMONG_THEM} FROM ({{right}}) AS r WHERE TRUE{{own}})",
           f"l.user_id IN (SELECT {NULL_AMONG_THEM} FROM ({{right}}) AS r)",
           "l.p0 IS NULL OR EXISTS (SELECT 1 FROM ({right}) AS r WHERE r.user_id = l.user_id{condition})",
           "l.p1 IS NOT NULL OR NOT EXISTS (SELECT 1 FROM ({right}) AS r WHERE r.user_id = l.user_id{condition})",
           "l.user_id > 20 OR l.user_id IN (SELECT r.user_id FROM ({right}) AS r WHERE r.user_id < 30{own})",
           f"l.user_id > 20 OR l.user_id NOT IN (SELECT {NULL_AMONG_THEM} FROM ({{right}}) AS r WHERE TRUE{{own}})",
           "(l.p0 IS NULL) = (EXISTS (SELECT 1 FROM ({right}) AS r WHERE r.user_id = l.user_id{condition}))"]
# Conditions of the looked up rows alone.
OWN_CONDITIONS = [" AND r.user_id > 10", " AND r.p1 IS NOT NULL", " AND COALESCE(CAST(r.p1 AS VARCHAR), '?') = '?'"]
# What is made of all rows of a user, from a text.
AGGREGATES = ["MAX({x})", "MIN({x})", "CAST(COUNT({x}) AS VARCHAR)", "CAST(COUNT(*) AS VARCHAR)",
              "CAST(SUM(CASE WHEN {x} IS NULL THEN 1 ELSE 0 END) AS VARCHAR)",
              "CAST(COUNT(*) FILTER (WHERE {x} IS NOT NULL) AS VARCHAR)", "CAST(COUNT(DISTINCT {x}) AS VARCHAR)"]
HAVING = ["", "", "", "\nHAVING MIN(CAST(r.p1 AS VARCHAR)) IS NOT NULL", "\nHAVING MAX(CAST(l.p0 AS VARCHAR)) IS NULL"]


@dataclass
class Windows:
    """The windows of one `windows(...)` call."""

    rollup: str
    names: list[str]

    def in_tierline(self) -> str:
        return f"windows('rollups.{self.rollup}', {', '.join(repr(name) for name in self.names)})"

    def in_duckdb(self) -> str:
        columns = [
            f"{aggregate.format(days=days_of(window))} AS {column}_{window}"
            for column, (aggregate, _) in ROLLUPS[self.rollup].items()
            for window in self.names
        ]
        any_of = " OR ".join(days_of(window) for window in self.names)
        return f"(SELECT user_id, {', '.join(columns)} FROM {ROWS[self.rollup]} WHERE {any_of} GROUP BY user_id)"


@dataclass
class Select:
    """A SELECT of user_id, p0 and p1, for either engine."""

    tierline: str
    duckdb: str


def days_of(window: str) -> str:
    """The condition that a row lies in a window."""
    today = SNAPSHOT_DATE
    first, last = {
        "d0": (today, today),
        "lifetime": (date.min, today),
        "before_today": (date.min, today - timedelta(1)),
        "7d": (today - timedelta(6), today),
        "30d": (today - timedelta(29), today),
        "prev_30d": (today - timedelta(59), today - timedelta(30)),
    }[window]
    return f"day BETWEEN DATE '{first}' AND DATE '{last}'"


def side(dice: random.Random) -> Select:
    """Columns computed from one table of users."""
    if dice.random() < 0.2:
        columns, tables = FEATURES, ("features.users", "features_users")
    else:
        rollup = dice.choice(list(ROLLUPS))
        windows = Windows(rollup, dice.sample(WINDOWS, dice.randint(1, 3)))
        columns = {f"{column}_{window}": is_number
                   for column, (_, is_number) in ROLLUPS[rollup].items() for window in windows.names}
        tables = (windows.in_tierline(), windows.in_duckdb())

    def value() -> str:
        column = dice.choice(list(columns))
        shapes = OF_NUMBER + OF_ANYTHING if columns[column] else OF_ANYTHING
        return dice.choice(shapes).format(x=column)

    values = f"user_id, {value()} AS p0, {value()} AS p1"
    return Select(*(f"SELECT {values} FROM {table} AS t" for table in tables))


def joined(dice: random.Random, joins: int) -> Select:
    """Sides and joins of them, joined with each other."""
    if joins == 0:
        return side(dice)
    on_the_left = dice.randint(0, joins - 1)
    left, right = joined(dice, on_the_left), joined(dice, joins - 1 - on_the_left)
    shape = dice.random()
    if shape < 0.2:
        return looked_up(dice, left, right)
    if shape < 0.25:
        return below_one_another(dice, left, right)
    join = dice.choice(["FULL", "FULL", "FULL OUTER", "LEFT", "RIGHT", "INNER"])
    condition = dice.choice(["ON l.user_id = r.user_id", "ON r.user_id = l.user_id"])
    key = {"LEFT": "l.user_id", "INNER": "l.user_id", "RIGHT": "r.user_id"}.get(
        join, dice.choice(["COALESCE(l.user_id, r.user_id)", "COALESCE(r.user_id, l.user_id)"]))
    if join in ("LEFT", "INNER") and dice.random() < 0.2:
        condition, key = "USING (user_id)", dice.choice(["user_id", "l.user_id"])
    elif dice.random() < 0.6:
        condition += "".join(f" AND {more}" for more in dice.sample(CONDITIONS, dice.randint(1, 2)))
    # A further condition may leave a user unmatched on both sides of a full join: one row of each.
    is_grouped = "FULL" in join and " AND " in condition or dice.random() < 0.3

    def value() -> str:
        column = f"{dice.choice('lr')}.p{dice.randint(0, 1)}"
        value = dice.choice(OF_SIDE).format(x=column)
        return dice.choice(AGGREGATES).format(x=f"CAST({value} AS VARCHAR)") if is_grouped else value

    values = f"{key} AS user_id, {value()} AS p0, {value()} AS p1"
    where = dice.choice(["", "", "", " WHERE l.p0 IS NULL", " WHERE r.user_id IS NOT NULL"])
    group = f"\nGROUP BY {key}{dice.choice(HAVING)}" if is_grouped else ""
    return Select(*(f"SELECT {values}\nFROM ({left_sql}) AS l\n{join} JOIN ({right_sql}) AS r {condition}{where}{group}"
                    for left_sql, right_sql in ((left.tierline, right.tierline), (left.duckdb, right.duckdb))))


def looked_up(dice: random.Random, left: Select, right: Select) -> Select:
    """The rows of one side whose user is among those of the other, or is not."""
    condition = dice.choice(["", *(f" AND {condition}" for condition in CONDITIONS)])
    lookup, own = dice.choice(LOOKUPS), dice.choice(["", *OWN_CONDITIONS])

    def select(left_sql: str, right_sql: str) -> str:
        where = lookup.format(right=right_sql, condition=condition, own=own)
        return f"SELECT l.user_id, l.p0, l.p1\nFROM ({left_sql}) AS l\nWHERE {where}"

    return Select(select(left.tierline, right.tierline), select(left.duckdb, right.duckdb))


def below_one_another(dice: random.Random, left: Select, right: Select) -> Select:
    """What is made of the rows of both sides."""
    aggregates = [dice.choice(AGGREGATES).format(x=f"p{of}") for of in range(2)]

    def select(left_sql: str, right_sql: str) -> str:
        texts = "user_id, CAST(p0 AS VARCHAR) AS p0, CAST(p1 AS VARCHAR) AS p1"
        rows = f"SELECT {texts} FROM ({left_sql}) AS l\nUNION ALL\nSELECT {texts} FROM ({right_sql}) AS r"
        return f"SELECT user_id, {aggregates[0]} AS p0, {aggregates[1]} AS p1\nFROM ({rows}) AS t\nGROUP BY user_id"

    return Select(select(left.tierline, right.tierline), select(left.duckdb, right.duckdb))


def models(dice: random.Random, count: int) -> list[Select]:
    return [joined(dice, 1 + number % 3) for number in range(count)]


def deliver(lake: duckdb.DuckDBPyConnection, folder: Path, dice: random.Random) -> None:
    """Rows in DuckDB, and the same as partitions of Parquet files."""
    lake.execute("CREATE TABLE orders (day DATE, order_id BIGINT, user_id BIGINT, ordered_at TIMESTAMPTZ,"
                 " amount DECIMAL(18, 2), status VARCHAR, counts BOOLEAN)")
    lake.execute("CREATE TABLE engagement (day DATE, user_id BIGINT, occurred_at TIMESTAMPTZ, event_type VARCHAR)")
    lake.execute("CREATE TABLE users (day DATE, user_id BIGINT, registered_at TIMESTAMPTZ,"
                 " acquisition_cost DECIMAL(18, 2))")
    lake.execute("SET TimeZone = 'UTC'")
    sources = {user: dice.sample(["orders", "engagement", "users"], dice.randint(1, 3)) for user in range(USERS)}
    days = [SNAPSHOT_DATE - timedelta(back) for back in range(DAYS)]
    # Each source has its newest day, so that it is ready.
    rows = {
        "orders": [(SNAPSHOT_DATE, 1, USERS, noon(SNAPSHOT_DATE), 10, "paid", True)],
        "engagement": [(SNAPSHOT_DATE, USERS, noon(SNAPSHOT_DATE), "open")],
        "users": [(SNAPSHOT_DATE, USERS, noon(SNAPSHOT_DATE), 5)],
    }
    for user, of_user in sources.items():
        for _ in range(dice.randint(1, 8)):
            day = dice.choice(days)
            if "orders" in of_user:
                status = dice.choice(["paid", "paid", "cancelled"])
                rows["orders"].append((day, len(rows["orders"]) + 1, user, noon(day), dice.randint(1, 9),
                                       status, status == "paid"))
            if "engagement" in of_user:
                rows["engagement"].append((day, user, noon(day), dice.choice(["open", "like", "view"])))
        if "users" in of_user:
            day = dice.choice(days)
            rows["users"].append((day, user, noon(day), dice.choice([None, 5, 20])))
    for source, of_source in rows.items():
        marks = ", ".join("?" * len(of_source[0]))
        lake.executemany(f"INSERT INTO {source} VALUES ({marks})", of_source)
        for (day,) in lake.execute(f"SELECT DISTINCT day FROM {source}").fetchall():
            partition = folder / source / f"dt={day}"
            partition.mkdir(parents=True)
            columns = "* EXCLUDE (day, counts)" if source == "orders" else "* EXCLUDE (day)"
            lake.execute(f"COPY (SELECT {columns} FROM {source} WHERE day = DATE '{day}')"
                         f" TO '{partition}/part-0.parquet' (FORMAT parquet)")


def noon(day: date) -> str:
    return f"{day} 12:00:00+00"


def publish(binary: str, folder: Path, selects: list[Select]) -> dict[int, tuple]:
    """What tierline publishes of the models, by user."""
    night = Path(tempfile.mkdtemp(dir=folder))
    subprocess.run([binary, "init", night / "pack"], check=True, capture_output=True)
    sql = night / "pack/sql"
    for number, select in enumerate(selects):
        (sql / f"features/m{number}.sql").write_text(select.tierline + "\n")
    columns = "".join(f"    CAST(m{number}.p{of} AS VARCHAR) AS m{number}_p{of},\n"
                      for number in range(len(selects)) for of in range(2))
    joins = "".join(f"LEFT JOIN features.m{number} AS m{number}\n    ON users.user_id = m{number}.user_id\n"
                    for number in range(len(selects)))
    snapshot = sql / "publish/tier_snapshot.sql"
    text = snapshot.read_text()
    text = text.replace("    users.user_id,\n", f"    users.user_id,\n{columns}", 1)
    snapshot.write_text(text.rstrip() + "\n" + joins)
    (night / "models.toml").write_text(
        'version = 1\ntimezone = "UTC"\noutput = "output"\nsql = "pack/sql"\n'
        + "".join(f'[sources.{source}]\nurl = "../lake/{source}"\n' for source in ROWS.values())
        + "[calibration]\nrecency_days = [7, 30, 90, 180]\norders_365d = [1, 2, 4, 8]\n"
        + 'revenue_365d = ["5.00", "10.00", "50.00", "100.00"]\n')
    run = subprocess.run([binary, "run", night / "models.toml", "--date", str(SNAPSHOT_DATE)],
                         capture_output=True, text=True, check=False)
    if run.returncode != 0:
        sys.exit(f"tierline run: exit code {run.returncode}\n{run.stderr}")
    names = ["user_id"] + [f"m{number}_p{of}" for number in range(len(selects)) for of in range(2)]
    rows = DeltaTable(night / "output/tables/tier_snapshot").to_pyarrow_table(columns=names).to_pylist()
    return {row["user_id"]: tuple(row[name] for name in names[1:]) for row in rows}


def users_of(lake: duckdb.DuckDBPyConnection) -> list[int]:
    """All users, with a view of their features."""
    lake.execute("""CREATE VIEW features_users AS
        WITH bought AS (
            SELECT user_id, COUNT(*) FILTER (WHERE counts) AS orders,
                COALESCE(SUM(amount) FILTER (WHERE counts), 0) AS revenue, MAX(day) FILTER (WHERE counts) AS last_day
            FROM orders GROUP BY user_id),
        did AS (SELECT user_id, COUNT(*) AS events FROM engagement GROUP BY user_id),
        everybody AS (SELECT user_id FROM orders UNION SELECT user_id FROM engagement UNION SELECT user_id FROM users)
        SELECT user_id, COALESCE(orders, 0) AS orders_lifetime, COALESCE(revenue, 0) AS revenue_lifetime,
            last_day AS last_order_day, COALESCE(events, 0) AS events_lifetime, users.acquisition_cost
        FROM everybody LEFT JOIN bought USING (user_id) LEFT JOIN did USING (user_id)
            LEFT JOIN users USING (user_id)""")
    return [user for (user,) in lake.execute("SELECT user_id FROM features_users ORDER BY user_id").fetchall()]


def compare(lake: duckdb.DuckDBPyConnection, users: list[int], selects: list[Select],
            published: dict[int, tuple]) -> int:
    """How many models differ; prints a user of each."""
    if users != sorted(published):
        sys.exit(f"users are {users} in DuckDB and {sorted(published)} in tierline")
    wrong = 0
    for number, select in enumerate(selects):
        found = dict.fromkeys(users, (None, None))
        answer = lake.execute(f"SELECT user_id, CAST(p0 AS VARCHAR), CAST(p1 AS VARCHAR) FROM ({select.duckdb}) AS m"
                              " WHERE user_id IS NOT NULL").fetchall()
        found.update({user: values for user, *values in answer})
        for user, values in found.items():
            ours = published[user][2 * number:2 * number + 2]
            if tuple(values) != ours:
                wrong += 1
                print(f"user {user} is {ours} in tierline and {tuple(values)} in DuckDB:\n{select.tierline}\n")
                break
    return wrong


def main() -> None:
    binary = str(Path(sys.argv[1]).resolve())
    dice = random.Random(sys.argv[2] if len(sys.argv) > 2 else "models")
    count = int(sys.argv[3]) if len(sys.argv) > 3 else MODELS
    with tempfile.TemporaryDirectory() as folder:
        lake = duckdb.connect()
        deliver(lake, Path(folder) / "lake", dice)
        users, selects = users_of(lake), models(dice, count)
        wrong = 0
        for first in range(0, count, MODELS_OF_A_NIGHT):
            of_night = selects[first:first + MODELS_OF_A_NIGHT]
            wrong += compare(lake, users, of_night, publish(binary, Path(folder), of_night))
    if wrong:
        sys.exit(f"{wrong} of {count} models differ")
    print(f"{count} models over windows are the same in tierline and DuckDB for {len(users)} users")


if __name__ == "__main__":
    main()
    # The readers' threads may outlive the interpreter, which then aborts: the verdict is in by now.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
