"""Partition columns besides the day: their values are in paths and logs, and in no file."""

import datetime
from urllib.parse import quote

import pyarrow
import pyarrow.parquet
from deltalake import write_deltalake

from lake import DAYS, LAST_DAY, ORDER_SCHEMA, ORDERS, Lake, Row, of_day, table

WITHOUT_CHANNEL = ORDER_SCHEMA.remove(ORDER_SCHEMA.get_field_index("channel"))

CHANNELS = ["app", "a/b ü%", None]


def _channel(user: int) -> str | None:
    return CHANNELS[user % 3]


def _folder(channel: str | None) -> str:
    return "channel=" + ("__HIVE_DEFAULT_PARTITION__" if channel is None else quote(channel, safe=""))


def _deliver(lake: Lake, folder: str, rows: list[Row], schema: pyarrow.Schema) -> None:
    path = lake.path(f"data/orders/{folder}/part-0.parquet")
    pyarrow.parquet.write_table(table(rows, schema), path)


def _hive(lake: Lake, layout: str, days: list[str] = DAYS) -> None:
    for day in days:
        for channel in CHANNELS:
            rows = [order for order in of_day(ORDERS, day) if _channel(order["user_id"]) == channel]
            if rows:
                _deliver(lake, layout.format(day=day, channel=_folder(channel)), rows, WITHOUT_CHANNEL)


def _only_these_count(lake: Lake, condition: str) -> None:
    lake.edit("sql/staging/orders.sql", "status IN ('paid', 'completed')",
              f"status IN ('paid', 'completed') AND {condition}")


def _counting(channels: dict[int, str | None], counting: list[str | None]) -> list[Row]:
    """The orders, of which those of other channels do not count."""
    return [order if channels.get(order["order_id"], _channel(order["user_id"])) in counting
            else dict(order, status="cancelled") for order in ORDERS]


def _published_by_channel(lake: Lake) -> None:
    _only_these_count(lake, "COALESCE(channel, 'none') IN ('a/b ü%', 'none')")
    lake.deliver("engagement")
    lake.night().published(orders=_counting({}, ["a/b ü%", None])).warns_of_nothing()


def case_channel_below_the_day(lake: Lake) -> None:
    _hive(lake, "dt={day}/{channel}")
    _published_by_channel(lake)


def case_channel_above_the_day(lake: Lake) -> None:
    _hive(lake, "{channel}/dt={day}")
    _published_by_channel(lake)


def case_channel_in_paths_from_a_day_on(lake: Lake) -> None:
    """Before that the files had the column, and one has it still: the path's value holds."""
    lake.deliver("orders", DAYS[:-1])
    _deliver(lake, f"dt={LAST_DAY}/Channel=shop", of_day(ORDERS, LAST_DAY), ORDER_SCHEMA)
    _only_these_count(lake, "channel = 'shop'")
    lake.deliver("engagement")
    shops = {order["order_id"]: "shop" for order in of_day(ORDERS, LAST_DAY)}
    lake.night().published(orders=_counting(shops, ["shop"])).warns_of_nothing()


def case_same_file_in_two_channels(lake: Lake) -> None:
    """Such files have other rows."""
    for channel in ("app", "web"):
        rows = [dict(of_day(ORDERS, LAST_DAY)[0], user_id=999, order_id=9)]
        _deliver(lake, f"dt={LAST_DAY}/channel={channel}", rows, WITHOUT_CHANNEL)
    lake.deliver("orders")
    lake.deliver("engagement")
    lake.night().warns_of_nothing()


def case_day_number_and_text_in_paths(lake: Lake) -> None:
    """Columns of the job's own have the types that it declares."""
    lake.set("sources.orders.columns", 'ship = "DATE"\nshop = "BIGINT"')
    _only_these_count(lake, "ship + INTERVAL '1 day' = DATE '2026-01-03' AND shop + 1 = 8")
    for day in DAYS:
        ship = "2026-01-02" if day == LAST_DAY else "2026-01-03"
        _deliver(lake, f"dt={day}/ship={ship}/shop=007", of_day(ORDERS, day), ORDER_SCHEMA)
    lake.deliver("engagement")
    orders = [order if order["day"] == LAST_DAY else dict(order, status="cancelled") for order in ORDERS]
    lake.night().published(orders=orders).warns_of_nothing()


def case_value_in_a_path_that_is_no_number(lake: Lake) -> None:
    lake.set("sources.orders.columns", 'shop = "BIGINT"')
    for day in DAYS:
        shop = "seven" if day == LAST_DAY else "7"
        _deliver(lake, f"dt={day}/shop={shop}", of_day(ORDERS, day), ORDER_SCHEMA)
    lake.deliver("engagement")
    # Nothing reads it yet.
    lake.night().published()
    _only_these_count(lake, "shop = 7")
    lake.night().refused(3, 'column `shop` of source `orders` is "seven" by the path of',
                         f"dt={LAST_DAY}/shop=seven", "BIGINT is expected",
                         'declare shop = "VARCHAR" under [sources.orders.columns] and write TRY_CAST(shop AS BIGINT)')
    # What it said to do helps: such rows count no more, and the others do.
    lake.edit("jobs/production.toml", 'shop = "BIGINT"', 'shop = "VARCHAR"')
    lake.edit("sql/staging/orders.sql", "shop = 7", "TRY_CAST(shop AS BIGINT) = 7")
    counting = [dict(order, status="cancelled") if order["day"] == LAST_DAY else order for order in ORDERS]
    lake.night().published(orders=counting)


def case_delta_table_by_day_and_channel(lake: Lake) -> None:
    """A change of the log alone is a change of the day; a DECIMAL may be in the log, too."""
    rows = [dict(order, channel=_channel(order["user_id"])) for order in ORDERS]
    days = pyarrow.array([datetime.date.fromisoformat(row["day"]) for row in rows])
    folder = lake.path("data/orders")
    write_deltalake(folder, table(rows, ORDER_SCHEMA).append_column("dt", days),
                    partition_by=["dt", "channel", "discount"])
    _published_by_channel(lake)
    known = {order["user_id"]: 0 for order in ORDERS}
    for order in _counting({}, ["a/b ü%", None]):
        known[order["user_id"]] += order["status"] == "paid" and order["discount"] is not None
    lake.night().published(orders=_counting({}, ["a/b ü%", None]), discount_known_orders_365d=known)
    commit = folder / "_delta_log/00000000000000000000.json"
    commit.write_text(commit.read_text().replace('"channel":"app"', '"channel":null'))
    lake.night().published()
