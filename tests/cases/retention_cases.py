"""Raw files that a retention rule removes, and days that are gone otherwise."""

import datetime
import shutil

import pyarrow
from deltalake import DeltaTable, write_deltalake

from lake import DAYS, ORDER_SCHEMA, ORDERS, Lake, Row, of_day, table


def _two_nights(lake: Lake) -> None:
    lake.set("guards", "max_tier_share_change = 1.0\nmax_users_growth = 10.0")
    lake.deliver("orders")
    lake.deliver("engagement")
    for day in DAYS[:2]:
        night = lake.night(day)
        assert night.run.returncode == 0, night.said(night.run)


def case_the_oldest_day_expires(lake: Lake) -> None:
    """A lifecycle rule takes the oldest day each night: tiles hold its rows."""
    _two_nights(lake)
    for source in ("orders", "engagement"):
        shutil.rmtree(lake.partition(source, DAYS[0]))
    lake.night().published().says(f"orders: 1 day, {DAYS[0]}, is held in tiles alone")
    restated = lake.call("backfill", "production", "--affected")
    assert restated.stdout == "no published date is affected; nothing done\n", restated


def case_a_day_older_than_the_expired_ones_turns_up(lake: Lake) -> None:
    """An export with a wrong date: tiles reach over its day, and later days expire as before."""
    _two_nights(lake)
    for source in ("orders", "engagement"):
        shutil.rmtree(lake.partition(source, DAYS[0]))
    lake.night().published()
    stray = "2026-10-01"
    rows = [{**order, "order_id": order["order_id"] + 1_000_000, "day": stray} for order in ORDERS[:1]]
    lake.deliver("orders", [stray], rows=rows, schema=ORDER_SCHEMA)
    lake.night().published().says("nothing done").plans(f"source `orders` has files of {stray}, which no run has read")
    for source in ("orders", "engagement"):
        shutil.rmtree(lake.partition(source, DAYS[1]))
    lake.night().published().plans(f"orders: 2 days, {DAYS[0]} to {DAYS[1]}, are held in tiles alone")


def case_a_day_in_the_middle_is_gone(lake: Lake) -> None:
    """Somebody has deleted a day that was published: asked about, not restated."""
    _two_nights(lake)
    shutil.rmtree(lake.partition("orders", DAYS[1]))
    lake.night().refused(3, f"source `orders` lacks {DAYS[1]}", "--accept-removed-days")


def _append(lake: Lake, rows: list[Row]) -> None:
    """Adds orders to a Delta table, in a file for each day."""
    days = pyarrow.array([datetime.date.fromisoformat(row["day"]) for row in rows])
    orders = table(rows, ORDER_SCHEMA).append_column("dt", days)
    write_deltalake(lake.path("data/orders"), orders, partition_by=["dt"], mode="append")


def case_rows_of_the_oldest_day_are_deleted_from_a_delta_table(lake: Lake) -> None:
    """Users' rows were a file of their own, so that DELETE drops it: no expiry, whatever its age."""
    lake.set("guards", "max_tier_share_change = 1.0\nmax_users_growth = 10.0")
    lake.deliver("engagement")
    even = [order for order in ORDERS if order["user_id"] % 2 == 0]
    odd = [order for order in ORDERS if order["user_id"] % 2]
    _append(lake, even)
    _append(lake, odd)
    lake.night(DAYS[1])
    lake.night().published()
    DeltaTable(lake.path("data/orders")).delete(f"user_id % 2 = 1 AND dt = '{DAYS[0]}'")
    left = even + [order for order in odd if order["day"] != DAYS[0]]
    lake.night().published(orders=left)
    # Emptied, the partition has expired.
    DeltaTable(lake.path("data/orders")).delete(f"dt = '{DAYS[0]}'")
    lake.night().published(orders=left).plans(f"orders: 1 day, {DAYS[0]}, is held in tiles alone")


def case_a_file_of_the_oldest_day_is_taken_away(lake: Lake) -> None:
    """It was there twice, as a warning said; nobody but who removed it knows that it did not expire."""
    _two_nights(lake)
    twin = lake.partition("orders", DAYS[0]) / "part-1.parquet"
    shutil.copy(lake.partition("orders", DAYS[0]) / "part-0.parquet", twin)
    lake.night().says("has the same file twice")
    twin.unlink()
    lake.night().refused(3, f"source `orders` has lost files of {DAYS[0]}", "--accept-removed-days")
    confirmed = lake.call("run", "production", "--date", DAYS[2], "--accept-removed-days")
    assert confirmed.returncode == 0, confirmed
    lake.night().published()


def case_late_data_after_an_edit(lake: Lake) -> None:
    """A parameter is edited, then an order comes late: old dates keep their rules."""
    _two_nights(lake)
    lake.night().published()
    before = {row["user_id"]: row["interaction_depth"] for row in lake.snapshot(DAYS[0])}
    lake.set("params", "deep_interactions_7d = 1")
    late = [{**order, "order_id": order["order_id"] + 1_000_000} for order in of_day(ORDERS, DAYS[0])[:1]]
    lake.deliver("orders", [DAYS[0]], rows=late, schema=ORDER_SCHEMA, name="late.parquet")
    restated = lake.call("backfill", "production", "--affected")
    assert restated.returncode == 0, restated
    assert "restated by those they were published by" in restated.stderr, restated
    assert restated.stdout.count("replaced") == len(DAYS), restated
    after = {row["user_id"]: row["interaction_depth"] for row in lake.snapshot(DAYS[0])}
    assert after == before, (before, after)
