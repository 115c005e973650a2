"""How the bytes and columns of files are read: spelling, instants, damage."""

import datetime
import json
import shutil
import struct
from collections import Counter
from decimal import Decimal
from typing import Any

import pyarrow
import pyarrow.parquet

from lake import DAYS, EVENT_SCHEMA, EVENTS, INSTANT, LAST_DAY, ORDER_SCHEMA, ORDERS, USERS, Lake, Row, of_day, table

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


def case_ids_of_white_space_alone(lake: Lake) -> None:
    """A tab, a no-break space, a zero-width one: nobody, like an empty text."""
    schema = ORDER_SCHEMA.set(ORDER_SCHEMA.get_field_index("user_id"), pyarrow.field("user_id", pyarrow.string()))
    events = EVENT_SCHEMA.set(EVENT_SCHEMA.get_field_index("user_id"), pyarrow.field("user_id", pyarrow.string()))
    as_text = lambda rows: [dict(row, user_id=f"u {row['user_id']}\t") for row in rows]
    blank = ["", " ", "\t", "\u00a0", "\u200b", "\ufeff \n", "\u3000"]
    nobody = [dict(of_day(ORDERS, LAST_DAY)[0], user_id=text, order_id=9000 + number)
              for number, text in enumerate(blank)]
    lake.deliver("orders", rows=as_text(ORDERS) + nobody, schema=schema)
    lake.deliver("engagement", rows=as_text(EVENTS), schema=events)
    lake.night().published(orders=as_text(ORDERS), events=as_text(EVENTS)).says(f"{len(blank)} null_user_id")


CONTENT_AS_TEXT = EVENT_SCHEMA.set(EVENT_SCHEMA.get_field_index("content_id"),
                                   pyarrow.field("content_id", pyarrow.string()))


def _publish_top_content(lake: Lake) -> None:
    """The largest content_id of each user, by a rollup that keeps it in tiles."""
    lake.edit("sql/rollups/interactions.sql", "COUNT(*) FILTER (WHERE NOT is_touch) AS events,",
              "COUNT(*) FILTER (WHERE NOT is_touch) AS events,\n    MAX(content_id) AS top_content,")
    lake.edit("sql/features/interactions.sql", "    events_lifetime,", "    events_lifetime, top_content_lifetime,")
    lake.edit("sql/features/users.sql", "    interactions.first_event_day,",
              "    CAST(interactions.top_content_lifetime AS VARCHAR) AS top_content,\n    interactions.first_event_day,")
    lake.edit("sql/publish/tier_snapshot.sql", "    users.first_event_day,",
              "    users.top_content,\n    users.first_event_day,")
    lake.set("guards", "max_tier_share_change = 1.0")


def case_ids_that_turn_from_numbers_into_texts_under_a_tile(lake: Lake) -> None:
    """The tiles of the days before hold numbers, and are made again from their files."""
    _publish_top_content(lake)
    lake.deliver("orders")
    lake.deliver("engagement", DAYS[:-1])
    assert lake.night(DAYS[-2]).run.returncode == 0
    today = [dict(event, content_id="a7") for event in of_day(EVENTS, LAST_DAY)]
    lake.deliver("engagement", [LAST_DAY], rows=today, schema=CONTENT_AS_TEXT)
    top = {event["user_id"]: "7" for event in EVENTS} | {event["user_id"]: "a7" for event in today}
    lake.night().published(top_content=top).says("was made again: its column top_content has another type")
    shutil.rmtree(lake.path("output/tiles"))
    lake.edit("sql/features/users.sql", "AS top_content,", "AS top_content, 1 AS one,")
    lake.night().published(top_content=top)


def case_ids_that_are_digits_alone_on_a_day(lake: Lake) -> None:
    """pandas writes numbers then; they are texts, as in the tiles of the days before, which stay."""
    _publish_top_content(lake)
    lake.deliver("orders")
    before = [dict(event, content_id="A-7") for event in EVENTS]
    lake.deliver("engagement", DAYS[:-1], rows=before, schema=CONTENT_AS_TEXT)
    assert lake.night(DAYS[-2]).run.returncode == 0
    lake.deliver("engagement", [LAST_DAY])
    top = {event["user_id"]: "7" for event in EVENTS}
    top |= {event["user_id"]: "A-7" for event in EVENTS if event["day"] != LAST_DAY}
    lake.night().published(top_content=top).warns_of_nothing()


def case_times_of_numpy_that_are_none(lake: Lake) -> None:
    """NaT is the smallest number that there is."""
    lake.deliver("orders")
    lake.deliver("engagement", DAYS[:-1])
    rows = table(of_day(EVENTS, LAST_DAY), EVENT_SCHEMA)
    instants = rows["occurred_at"].cast(pyarrow.int64()).to_pylist()
    instants = pyarrow.array([-2**63, *instants[1:]], pyarrow.int64()).cast(INSTANT)
    rows = rows.set_column(rows.schema.get_field_index("occurred_at"), EVENT_SCHEMA.field("occurred_at"), instants)
    pyarrow.parquet.write_table(rows, lake.partition("engagement", LAST_DAY) / "part-0.parquet")
    lake.night().published().says("1 row has a time in occurred_at that is more than a day outside")


def case_products_that_only_rejected_rows_have(lake: Lake) -> None:
    """What is computed of good rows alone need not be computed of the others for a sample."""
    lake.deliver("orders")
    absurd = {**of_day(EVENTS, LAST_DAY)[0], "duration_seconds": 2**62}
    lake.deliver("engagement", rows=[*EVENTS, absurd])
    lake.edit("sql/staging/engagement.sql", "    events.duration_seconds,\n",
              "    events.duration_seconds,\n    events.duration_seconds * 1000000 AS microseconds,\n")
    lake.edit("sql/staging/engagement.sql", "THEN 'null_time'\n",
              "THEN 'null_time'\n        WHEN events.duration_seconds > 86400 THEN 'absurd_duration'\n")
    lake.night().published().says("1 absurd_duration", "engagement: no sample of the rejected rows is kept")


def case_rows_left_out_of_a_night_that_fails(lake: Lake) -> None:
    """They are reported by the night that read them: the next one finds their tiles."""
    lake.deliver("orders", rows=[*ORDERS, {**of_day(ORDERS, LAST_DAY)[0], "user_id": None, "order_id": 9001}])
    lake.deliver("engagement")
    lake.edit("sql/staging/engagement.sql", "    events.channel,",
              "    events.channel, CAST(events.event_type AS BIGINT) AS type_number,")
    lake.edit("sql/rollups/interactions.sql", "COUNT(*) FILTER (WHERE NOT is_touch) AS events,",
              "COUNT(*) FILTER (WHERE NOT is_touch) AS events,\n    MAX(type_number) AS largest_type,")
    lake.night().refused(3, "1 null_user_id")


def _in_turn(lake: Lake, source: str, column: str, types: list[pyarrow.DataType], schema: pyarrow.Schema,
             rows: list[Row], values: list[Any]) -> None:
    """Each day's file has the column in another type, with what `values` makes of it."""
    for day, data_type, value in zip(DAYS, types, values):
        field = pyarrow.field(column, data_type)
        of_today = [dict(row, **{column: value(row[column])}) for row in of_day(rows, day)]
        lake.deliver(source, [day], rows=of_today, schema=schema.set(schema.get_field_index(column), field))


def case_amounts_of_another_type_each_day(lake: Lake) -> None:
    """Declared as wide as the widest; staging casts."""
    lake.set("sources.orders.columns", 'amount = "DOUBLE"')
    lake.edit("sql/staging/orders.sql", "    amount,  ", "    CAST(amount AS DECIMAL(18, 2)) AS amount,  ")
    types = [pyarrow.int64(), pyarrow.decimal128(20, 4), pyarrow.float64(), pyarrow.uint64()][:len(DAYS)]
    whole = [dict(order, amount=Decimal(int(order["amount"]))) for order in ORDERS]
    as_is = [int, lambda amount: amount, float, int][:len(DAYS)]
    _in_turn(lake, "orders", "amount", types, ORDER_SCHEMA, whole, as_is)
    lake.deliver("engagement")
    lake.night().published(orders=whole).warns_of_nothing()


def case_texts_of_another_type_each_day(lake: Lake) -> None:
    """Numbers, UUIDs and bytes are texts where a text is declared."""
    condition = "channel IN ('7', '00010203-0405-0607-0809-0a0b0c0d0e0f', 'web')"
    lake.edit("sql/staging/orders.sql", "status IN ('paid', 'completed')",
              f"status IN ('paid', 'completed') AND {condition}")
    types = [pyarrow.int64(), pyarrow.binary(16), pyarrow.binary()]
    values = [lambda _: 7, lambda _: bytes(range(16)), lambda _: b"web"]
    _in_turn(lake, "orders", "channel", types, ORDER_SCHEMA, ORDERS, values)
    lake.deliver("engagement")
    lake.night().published().warns_of_nothing()


def case_bytes_that_are_no_text(lake: Lake) -> None:
    types = [pyarrow.string(), pyarrow.string(), pyarrow.binary()]
    values = [lambda text: text, lambda text: text, lambda _: b"K\xfcche"]
    _in_turn(lake, "orders", "channel", types, ORDER_SCHEMA, ORDERS, values)
    lake.deliver("engagement")
    lake.edit("sql/staging/orders.sql", "status IN ('paid', 'completed')",
              "status IN ('paid', 'completed') AND channel <> 'x'")
    lake.night().refused(3, "column `channel` of", f"dt={LAST_DAY}/part-0.parquet", "has bytes that are no text")


def case_columns_without_a_value_have_no_type(lake: Lake) -> None:
    """What pandas writes on a day without discounts, and a file without rows that knows no types."""
    no_types = pyarrow.schema([pyarrow.field(field.name, pyarrow.null()) for field in ORDER_SCHEMA])
    lake.deliver("orders", DAYS[:1], rows=[dict(order, discount=None) for order in ORDERS],
                 schema=ORDER_SCHEMA.set(ORDER_SCHEMA.get_field_index("discount"), pyarrow.field("discount", pyarrow.null())))
    lake.deliver("orders", DAYS[1:])
    lake.deliver("orders", [LAST_DAY], rows=[], schema=no_types, name="part-1.parquet")
    lake.deliver("engagement")
    lake.night().published().warns_of_nothing()


def case_columns_that_no_sql_reads(lake: Lake) -> None:
    """A contract column may be of any type, or missing, once staging does not name it."""
    lake.edit("sql/staging/orders.sql", "    category,\n", "    CAST(NULL AS VARCHAR) AS category,\n")
    lake.edit("sql/staging/orders.sql", "    status,\n", "    state AS status,\n")
    text = (lake.path("sql/staging/orders.sql")).read_text().replace("(status", "(state").replace(" status NOT", " state NOT")
    lake.path("sql/staging/orders.sql").write_text(text)
    lake.set("sources.orders.columns", 'state = "VARCHAR"')
    odd = pyarrow.list_(pyarrow.int64())
    schema = pyarrow.schema([field for field in ORDER_SCHEMA if field.name not in ("category", "status")]
                            + [pyarrow.field("category", odd), pyarrow.field("state", pyarrow.string())])
    lake.deliver("orders", rows=[dict(order, category=[1], state=order["status"]) for order in ORDERS], schema=schema)
    lake.deliver("engagement")
    lake.night().published()


def case_rejected_rows_of_a_night_that_was_refused(lake: Lake) -> None:
    """The run that publishes reads their days no more, and reports them all the same, once."""
    guest = {**ORDERS[0], "day": LAST_DAY, "order_id": 9001, "user_id": None}
    lake.deliver("orders", rows=[*ORDERS, guest])
    lake.deliver("engagement")
    audit = lake.path("sql/audits/nobody.sql")
    audit.write_text("SELECT user_id FROM publish.tier_snapshot\n")
    lake.night().refused(3, "nobody").says("1 null_user_id")
    audit.write_text("SELECT user_id FROM publish.tier_snapshot WHERE false\n")
    night = lake.night().published().says("1 null_user_id")
    kept = [path.name for path in lake.path("output/quarantine").rglob("*") if path.is_file()]
    assert kept == [f"{lake.snapshot()[0]['run_id']}.parquet"], kept
    audit.unlink()
    again = lake.night()
    assert "null_user_id" not in again.run.stdout, night.said(again.run)


def case_rejected_rows_that_a_night_of_another_date_read(lake: Lake) -> None:
    """The first publication that has their day tells them, whichever date read them and failed."""
    guests = [{**ORDERS[0], "day": day, "order_id": 9001 + number, "user_id": None} for number, day in enumerate(DAYS)]
    lake.set("guards", "max_tier_share_change = 1.0")
    lake.deliver("orders", rows=[*ORDERS, *guests])
    lake.deliver("engagement")
    audit = lake.path("sql/audits/nobody.sql")
    audit.write_text("SELECT user_id FROM publish.tier_snapshot\n")
    assert _days_rejected(lake, LAST_DAY, 3) == DAYS
    audit.unlink()
    assert [_days_rejected(lake, day, 0) for day in DAYS] == [[day] for day in DAYS]
    assert not lake.path("output/quarantine/unreported.json").exists()


def _days_rejected(lake: Lake, day: str, exit_code: int) -> list[str]:
    """The days of the rejected rows that the run of a date reports."""
    run = lake.call("run", "production", "--date", day, "--output", "json")
    assert run.returncode == exit_code, run.stdout + run.stderr
    return [row["day"] for row in json.loads(run.stdout)["rejected"] if row["reason"] == "null_user_id"]
