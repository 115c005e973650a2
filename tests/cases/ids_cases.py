"""User ids: numbers or texts, as staging selects them, whatever files call and hold them."""

from collections.abc import Callable
from typing import Any

import pyarrow

from lake import DAYS, EVENT_SCHEMA, EVENTS, LAST_DAY, ORDER_SCHEMA, ORDERS, Lake, Night, Row, of_day

CODES = {"digits": lambda user: f"{user:07}", "letters": lambda user: f"C{user}"}


def _with(schema: pyarrow.Schema, name: str, data_type: pyarrow.DataType) -> pyarrow.Schema:
    """The user under another name or of another type."""
    return schema.set(schema.get_field_index("user_id"), pyarrow.field(name, data_type))


def _ids(rows: list[Row], code: Callable[[int], Any], name: str = "user_id") -> list[Row]:
    return [dict(row, **{"user_id": code(row["user_id"]), name: code(row["user_id"])}) for row in rows]


def _deliver_texts(lake: Lake, code: Callable[[int], str], name: str = "user_id") -> tuple[list[Row], list[Row]]:
    orders, events = _ids(ORDERS, code, name), _ids(EVENTS, code, name)
    lake.deliver("orders", rows=orders, schema=_with(ORDER_SCHEMA, name, pyarrow.string()))
    lake.deliver("engagement", rows=events, schema=_with(EVENT_SCHEMA, name, pyarrow.string()))
    return orders, events


def _passes(night: Night) -> Night:
    assert night.check.returncode == 0, night.said(night.check)
    assert night.plan.returncode == 0, night.said(night.plan)
    return night


def _under_another_name(lake: Lake, code: Callable[[int], str], declared: str) -> None:
    orders, events = _deliver_texts(lake, code, "member_no")
    for source, prefix in [("orders", ""), ("engagement", "events.")]:
        lake.set(f"sources.{source}.columns", f'member_no = "{declared}"')
        path = f"sql/staging/{source}.sql"
        lake.edit(path, f"    {prefix}user_id,", f"    {prefix}member_no AS user_id,")
        lake.edit(path, f"WHEN {prefix}user_id IS NULL OR BTRIM(CAST({prefix}user_id AS VARCHAR)",
                  f"WHEN {prefix}member_no IS NULL OR BTRIM(CAST({prefix}member_no AS VARCHAR)")
    _passes(lake.night()).published(orders=orders, events=events)


def case_digits_under_another_name(lake: Lake) -> None:
    """'0000101' is no number, and never 101."""
    _under_another_name(lake, CODES["digits"], "VARCHAR")


def case_letters_under_another_name(lake: Lake) -> None:
    _under_another_name(lake, CODES["letters"], "VARCHAR")


def case_ids_under_another_name(lake: Lake) -> None:
    """Declared as ID, and so as the files have it."""
    _under_another_name(lake, CODES["letters"], "ID")


def case_users_without_deliveries_follow(lake: Lake) -> None:
    lake.set("sources.users", 'url = "../data/users"\nrequired = false')
    _under_another_name(lake, CODES["digits"], "VARCHAR")


def case_test_users_left_out_by_their_names(lake: Lake) -> None:
    """A text compared with an id that nobody declared as one."""
    orders, events = _deliver_texts(lake, CODES["letters"])
    lake.edit("sql/staging/orders.sql", "FROM sources.orders", "FROM sources.orders\nWHERE user_id <> 'test-1'")
    lake.edit("sql/staging/engagement.sql", "    ON events.event_type = types.event_type",
              "    ON events.event_type = types.event_type\nWHERE events.user_id NOT IN ('test-1', 'test-2')")
    _passes(lake.night()).published(orders=orders, events=events)


def case_audit_of_one_user(lake: Lake) -> None:
    orders, events = _deliver_texts(lake, CODES["letters"])
    lake.path("sql/audits/nobody.sql").write_text(
        "SELECT user_id FROM publish.tier_snapshot WHERE user_id = 'C100002'\n")
    _passes(lake.night()).published(orders=orders, events=events)


def case_guests_turn_ids_into_doubles(lake: Lake) -> None:
    """pandas has no integers beside missing values. Declared as they are, and cast in staging."""
    lake.deliver("orders", DAYS[:-1])
    guest = {**ORDERS[0], "day": LAST_DAY, "order_id": 9001, "user_id": None}
    lake.deliver("orders", [LAST_DAY], rows=[*ORDERS, guest], schema=_with(ORDER_SCHEMA, "user_id", pyarrow.float64()))
    lake.deliver("engagement")
    lake.night().refused(3, "column `user_id` of source `orders` is DOUBLE", "dt=2026-11-20/part-0.parquet")
    lake.set("sources.orders.columns", 'user_id = "DOUBLE"')
    lake.edit("sql/staging/orders.sql", "    user_id,", "    CAST(user_id AS BIGINT) AS user_id,")
    _passes(lake.night()).published().says("1 null_user_id")


def case_doubles_in_a_column_of_texts(lake: Lake) -> None:
    """A user is `101` on the day that writes doubles, too."""
    lake.deliver("orders", DAYS[:-1])
    lake.deliver("orders", [LAST_DAY], schema=_with(ORDER_SCHEMA, "user_id", pyarrow.float64()))
    lake.deliver("engagement")
    lake.set("sources.orders.columns", 'user_id = "VARCHAR"')
    lake.set("sources.engagement.columns", 'user_id = "VARCHAR"')
    _passes(lake.night()).published(orders=_ids(ORDERS, str), events=_ids(EVENTS, str))


def case_sources_that_disagree(lake: Lake) -> None:
    """Refused with both models, and what the help says to write works."""
    lake.deliver("orders")
    events = _ids(EVENTS, str)
    lake.deliver("engagement", rows=events, schema=_with(EVENT_SCHEMA, "user_id", pyarrow.string()))
    lake.night().refused(3, "`user_id` is BIGINT in `staging.orders` and VARCHAR in `staging.engagement`",
                         "CAST(user_id AS VARCHAR) AS user_id")
    lake.edit("sql/staging/orders.sql", "    user_id,", "    CAST(user_id AS VARCHAR) AS user_id,")
    _passes(lake.night()).published(orders=_ids(ORDERS, str), events=events)


def case_ids_of_no_kind(lake: Lake) -> None:
    """`check` says where ids are neither numbers nor texts."""
    lake.deliver("orders")
    lake.deliver("engagement")
    lake.edit("sql/staging/orders.sql", "    user_id,", "    CAST(user_id AS DOUBLE) AS user_id,")
    night = lake.night().refused(2, "`user_id` of `staging.orders` is DOUBLE; it must be BIGINT or VARCHAR")
    assert night.check.returncode == 2, night.said(night.check)


def _select_texts(lake: Lake, data_type: str = "VARCHAR") -> None:
    for source, prefix in [("orders", ""), ("engagement", "events.")]:
        lake.edit(f"sql/staging/{source}.sql", f"    {prefix}user_id,",
                  f"    CAST({prefix}user_id AS {data_type}) AS user_id,")


PUBLISHED_AS_NUMBERS = "table `tier_snapshot`: `user_id` is BIGINT to readers and in older files and would become VARCHAR"


def case_texts_where_numbers_are_published(lake: Lake) -> None:
    """What is published keeps its type, whatever may be dropped. A new folder takes the other."""
    lake.deliver("orders")
    lake.deliver("engagement")
    assert lake.night(DAYS[-2]).run.returncode == 0
    _select_texts(lake)
    lake.night().refused(3, PUBLISHED_AS_NUMBERS, "publish to a new folder")
    dropped = lake.call("run", "production", "--date", LAST_DAY, "--drop-columns", "tier_snapshot.user_id")
    assert (dropped.returncode, PUBLISHED_AS_NUMBERS in dropped.stderr) == (3, True), dropped.stderr
    earlier = lake.call("run", "production", "--date", DAYS[-3])
    assert (earlier.returncode, PUBLISHED_AS_NUMBERS in earlier.stderr) == (3, True), earlier.stderr
    lake.edit("jobs/production.toml", "\"../output\"", "\"../output_of_texts\"")
    backfilled = lake.call("backfill", "production", "--from", LAST_DAY, "--to", LAST_DAY)
    assert backfilled.returncode == 0, backfilled.stdout + backfilled.stderr


def case_files_of_texts_where_numbers_are_published(lake: Lake) -> None:
    """The remedy is applied: ids that are numbers are cast back."""
    lake.set("guards", "max_tier_share_change = 1.0")
    lake.deliver("orders", DAYS[:-1])
    lake.deliver("engagement", DAYS[:-1])
    assert lake.night(DAYS[-2]).run.returncode == 0
    orders, events = (of_day(rows, LAST_DAY) for rows in (ORDERS, EVENTS))
    lake.deliver("orders", [LAST_DAY], rows=_ids(orders, str), schema=_with(ORDER_SCHEMA, "user_id", pyarrow.string()))
    lake.deliver("engagement", [LAST_DAY], rows=_ids(events, str),
                 schema=_with(EVENT_SCHEMA, "user_id", pyarrow.string()))
    lake.night().refused(3, PUBLISHED_AS_NUMBERS, "CAST(user_id AS BIGINT) AS user_id")
    _select_texts(lake, "BIGINT")
    lake.night().refused(3, "files of source `orders` disagree about `user_id`", 'declare user_id = "VARCHAR"')
    for source in ["orders", "engagement"]:
        lake.set(f"sources.{source}.columns", 'user_id = "VARCHAR"')
    _passes(lake.night()).published()


def case_numbers_behind_tiles_of_texts(lake: Lake) -> None:
    """No night has published yet: the tiles that a refused one left are made again."""
    lake.deliver("orders")
    lake.deliver("engagement")
    lake.path("sql/audits/nobody.sql").write_text("SELECT user_id FROM publish.tier_snapshot\n")
    lake.night().refused(3, "nobody")
    lake.path("sql/audits/nobody.sql").unlink()
    _deliver_texts(lake, str)
    _passes(lake.night()).published(orders=_ids(ORDERS, str), events=_ids(EVENTS, str))
