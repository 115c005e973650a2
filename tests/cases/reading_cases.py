"""How the bytes and columns of files are read: spelling, instants, damage."""

import datetime
import struct
from collections import Counter

import pyarrow
import pyarrow.parquet

from lake import DAYS, EVENT_SCHEMA, INSTANT, LAST_DAY, ORDER_SCHEMA, ORDERS, USERS, Lake, of_day, table

UTC = datetime.timezone.utc
KNOWN_DISCOUNTS = Counter(order["user_id"] for order in ORDERS
                          if order["status"] == "paid" and order["discount"] is not None)


def case_columns_in_another_case(lake: Lake) -> None:
    """One day's file comes from a writer that spells its columns otherwise."""
    lake.deliver("orders", DAYS[:-1])
    rows = table(of_day(ORDERS, LAST_DAY), ORDER_SCHEMA)
    spelt = {"discount": "Discount", "amount": "AMOUNT", "user_id": "User_Id"}
    rows = rows.rename_columns([spelt.get(name, name) for name in rows.column_names])
    pyarrow.parquet.write_table(rows, lake.partition("orders", LAST_DAY) / "part-0.parquet")
    lake.deliver("engagement")
    lake.night().published(discount_known_orders_365d=KNOWN_DISCOUNTS).warns_of_nothing()


def case_two_columns_for_one_name(lake: Lake) -> None:
    lake.deliver("orders", DAYS[:-1])
    rows = table(of_day(ORDERS, LAST_DAY), ORDER_SCHEMA)
    rows = rows.append_column("Discount", rows["discount"])
    pyarrow.parquet.write_table(rows, lake.partition("orders", LAST_DAY) / "part-0.parquet")
    lake.deliver("engagement")
    lake.night().refused(3, "dt=2026-11-20/part-0.parquet of source `orders` has columns `discount` and `Discount`")


def case_a_column_twice(lake: Lake) -> None:
    """pyarrow writes what a careless join gives it."""
    lake.deliver("orders", DAYS[:-1])
    rows = table(of_day(ORDERS, LAST_DAY), ORDER_SCHEMA)
    rows = rows.append_column("amount", rows["discount"])
    pyarrow.parquet.write_table(rows, lake.partition("orders", LAST_DAY) / "part-0.parquet")
    lake.deliver("engagement")
    lake.night().refused(3, "dt=2026-11-20/part-0.parquet of source `orders` has column `amount` twice")


def _users_until(lake: Lake, instants: list[bytes]) -> None:
    """Users with an INT96 as Spark, Hive and Impala write it. pyarrow writes INT96 from nanoseconds
    alone, so the twelve bytes of its own values are replaced: nanoseconds of the day, Julian day."""
    lake.deliver("orders")
    lake.deliver("engagement")
    stand_ins = [datetime.datetime(2001, 1, 1 + index, tzinfo=UTC) for index in range(len(USERS))]
    rows = pyarrow.table({
        "user_id": pyarrow.array(USERS, pyarrow.int64()),
        "registered_at": pyarrow.array([datetime.datetime(2026, 1, 5, tzinfo=UTC)] * len(USERS), INSTANT),
        "vip_until": pyarrow.array(stand_ins, INSTANT),
    })
    path = lake.partition("users", DAYS[0]) / "part-0.parquet"
    pyarrow.parquet.write_table(rows, path, use_deprecated_int96_timestamps=True, use_dictionary=False,
                                compression="none", write_statistics=False)
    content = path.read_bytes()
    for index in range(len(USERS)):
        stand_in = int96(stand_ins[index])
        assert content.count(stand_in) == 1
        content = content.replace(stand_in, instants[index % len(instants)])
    path.write_bytes(content)
    lake.set("sources.users", 'url = "../data/users"\nrequired = false')
    lake.set("sources.users.profile", 'vip_until = "TIMESTAMP"')


def int96(instant: datetime.datetime) -> bytes:
    midnight = instant.replace(hour=0, minute=0, second=0, microsecond=0)
    nanoseconds = (instant - midnight) // datetime.timedelta(microseconds=1) * 1000
    return struct.pack("<qI", nanoseconds, instant.toordinal() + 1_721_425)


def case_int96_of_far_dates(lake: Lake) -> None:
    """The sentinels of data warehouses, which nanoseconds cannot hold."""
    instants = [datetime.datetime(9999, 12, 31, tzinfo=UTC), datetime.datetime(2263, 1, 1, tzinfo=UTC),
                datetime.datetime(1600, 1, 1, tzinfo=UTC),
                datetime.datetime(2026, 12, 31, 23, 59, 59, 123456, tzinfo=UTC)]
    _users_until(lake, [int96(instant) for instant in instants])
    until = {user: instants[index % 4] for index, user in enumerate(USERS)}
    lake.night().published(users=USERS, vip_until=until)


def case_int96_of_the_year_300000(lake: Lake) -> None:
    """Microseconds cannot hold it, and it does not become another date."""
    _users_until(lake, [struct.pack("<qI", 0, 111_293_810)])
    lake.night().refused(3, "column `vip_until` of ", "dt=2026-11-18/part-0.parquet` of source `users`")


def case_int96_of_no_day(lake: Lake) -> None:
    _users_until(lake, [struct.pack("<qI", 0, 2**31 - 1)])
    lake.night().refused(3, "column `vip_until` of ", "dt=2026-11-18/part-0.parquet` of source `users`")


def case_seconds_beyond_microseconds(lake: Lake) -> None:
    """Milliseconds that somebody took for seconds."""
    lake.deliver("orders")
    lake.deliver("engagement", DAYS[:-1])
    schema = EVENT_SCHEMA.set(1, pyarrow.field("occurred_at", pyarrow.timestamp("ms", tz="UTC")))
    rows = table([], schema)
    far = pyarrow.array([1_790_000_000_000_000_000 // 100], pyarrow.int64()).cast(pyarrow.timestamp("ms", tz="UTC"))
    rows = pyarrow.table([pyarrow.array([101]), far, pyarrow.array(["like"])],
                         names=["user_id", "occurred_at", "event_type"])
    pyarrow.parquet.write_table(rows, lake.partition("engagement", LAST_DAY) / "part-0.parquet")
    lake.night().refused(3, "column `occurred_at` of ", "of source `engagement` has an instant outside")


def case_flipped_bit_in_a_page_with_a_checksum(lake: Lake) -> None:
    lake.deliver("orders", write_page_checksum=True, use_dictionary=False, compression="none",
                 store_decimal_as_integer=True)
    lake.deliver("engagement")
    path = lake.partition("orders", LAST_DAY) / "part-0.parquet"
    content = bytearray(path.read_bytes())
    amounts = b"".join(struct.pack("<q", int(order["amount"].scaleb(2))) for order in of_day(ORDERS, LAST_DAY))
    content[content.index(amounts) + 2] ^= 0x04
    path.write_bytes(content)
    lake.night().refused(3, "dt=2026-11-20/part-0.parquet` of source `orders` is damaged: Page CRC checksum mismatch")
