"""Raw files that a retention rule removes, and days that are gone otherwise."""

import shutil

from lake import DAYS, ORDER_SCHEMA, ORDERS, Lake, of_day


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


def case_a_day_in_the_middle_is_gone(lake: Lake) -> None:
    """Somebody has deleted a day that was published: asked about, not restated."""
    _two_nights(lake)
    shutil.rmtree(lake.partition("orders", DAYS[1]))
    lake.night().refused(3, f"source `orders` lacks {DAYS[1]}", "--accept-removed-days")


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
