"""What SQL computes from the rows: joins of windows, subqueries, users' attributes, sums."""

from decimal import Decimal

import pyarrow

from lake import DAYS, EVENTS, INSTANT, LAST_DAY, MONEY, ORDERS, USERS, Lake, at

TEXT = pyarrow.string()

USER_SCHEMA = pyarrow.schema({"user_id": pyarrow.int64(), "registered_at": INSTANT, "acquisition_cost": MONEY,
                              "city": TEXT, "plan": TEXT})
RATE_SCHEMA = pyarrow.schema({"currency": TEXT, "rate": pyarrow.decimal128(10, 4)})


def case_pack_without_alerts(lake: Lake) -> None:
    """KPIs and alerts are tables that a pack may leave out."""
    lake.deliver("orders")
    lake.deliver("engagement")
    lake.path("sql/publish/alerts.sql").unlink()
    lake.night().published()


def case_constants_of_a_side_that_lacks_the_user(lake: Lake) -> None:
    """A full join gives NULL for what a side computes, where the side has no row of the user."""
    for source in ("orders", "engagement"):
        lake.deliver(source)
    visitor = 500
    visit = {**EVENTS[0], "user_id": visitor, "day": LAST_DAY}
    lake.deliver("engagement", [LAST_DAY], rows=[visit], name="part-1.parquet")
    lake.path("sql/features/buyers.sql").write_text(
        "SELECT user_id, TRUE AS is_buyer, COALESCE(revenue_lifetime, 0) AS paid,\n"
        "    CASE WHEN orders_lifetime > 100 THEN 'many' ELSE 'few' END AS how_many\n"
        "FROM windows('rollups.purchases', 'lifetime')\n")
    lake.path("sql/features/probe.sql").write_text(
        "SELECT COALESCE(b.user_id, i.user_id) AS user_id, b.is_buyer, b.paid, b.how_many,\n"
        "    b.user_id IS NULL AS never_bought\n"
        "FROM features.buyers AS b\n"
        "FULL JOIN windows('rollups.interactions', 'lifetime') AS i ON b.user_id = i.user_id\n")
    lake.edit("sql/publish/tier_snapshot.sql", "    users.recency_days,",
              "    users.recency_days, probe.is_buyer, probe.paid, probe.how_many, probe.never_bought,")
    lake.edit("sql/publish/tier_snapshot.sql", "INNER JOIN tiers.rfm AS rfm",
              "INNER JOIN features.probe AS probe ON users.user_id = probe.user_id\nINNER JOIN tiers.rfm AS rfm")
    lake.night().published(events=[*EVENTS, visit], is_buyer={101: True, visitor: None},
                           paid={visitor: None}, how_many={101: "few", visitor: None},
                           never_bought={101: False, visitor: True})


def case_a_source_in_a_subquery(lake: Lake) -> None:
    """Tiles are made again when a source changes that staging reads in a subquery alone."""
    for source in ("orders", "engagement"):
        lake.deliver(source)
    lake.set("sources.fx", 'url = "../data/fx"\nrequired = false')
    lake.set("sources.fx.columns", 'currency = "VARCHAR"\nrate = "DECIMAL(10, 4)"')
    lake.edit("sql/staging/orders.sql", "    amount,  ",
              "    CAST(amount * (SELECT MAX(rate) FROM sources.fx) AS DECIMAL(18, 2)) AS amount,  ")
    for rate in (1, 2):
        lake.deliver("fx", [DAYS[0]], rows=[{"day": DAYS[0], "currency": "EUR", "rate": Decimal(rate)}],
                     schema=RATE_SCHEMA)
        paid = [{**order, "amount": order["amount"] * rate} for order in ORDERS]
        lake.night().published(orders=paid)


def case_users_in_full_every_day(lake: Lake) -> None:
    """The newest dump holds, with its NULLs; a user whom it lacks is shown as the last one has them."""
    for source in ("orders", "engagement"):
        lake.deliver(source)
    lake.set("sources.users", 'url = "../data/users"\nrequired = false')
    lake.set("sources.users.profile", 'city = "VARCHAR"\nplan = "VARCHAR"')
    gone = USERS[0]
    rows = [{"day": day, "user_id": user, "registered_at": at("2026-01-01", 0),
             "acquisition_cost": Decimal([30, 20, 10][index]), "city": ["Zug", "Winterthur", "Bern"][index],
             "plan": ["gold", "silver", None][index]}
            for index, day in enumerate(DAYS) for user in USERS if (user, day) != (gone, LAST_DAY)]
    lake.deliver("users", rows=rows, schema=USER_SCHEMA)
    others = [user for user in USERS if user != gone]
    lake.night().published(city={**dict.fromkeys(others, "Bern"), gone: "Winterthur"},
                           plan={**dict.fromkeys(others), gone: "silver"},
                           acquisition_cost={**dict.fromkeys(others, Decimal(10)), gone: Decimal(20)})


def case_sums_of_double_in_a_rollup(lake: Lake) -> None:
    """Each addition of DOUBLE rounds, so the sum would depend on the tiles."""
    for source in ("orders", "engagement"):
        lake.deliver(source)
    lake.edit("sql/rollups/interactions.sql", "COUNT(*) FILTER (WHERE NOT is_touch) AS events,",
              "COUNT(*) FILTER (WHERE NOT is_touch) AS events,\n    SUM(CAST(duration_seconds AS DOUBLE)) AS seconds,")
    lake.night().refused(2, "SUM of DOUBLE depends on the order of rows", "AS DECIMAL(18, 2)")


def case_amounts_that_nobody_pays(lake: Lake) -> None:
    """Two of the largest amounts that fit would not add up to money."""
    for source in ("orders", "engagement"):
        lake.deliver(source)
    absurd = [{**ORDERS[0], "order_id": 1 + number, "amount": Decimal("9999999999999999.99")} for number in range(2)]
    lake.deliver("orders", [DAYS[0]], rows=absurd, name="part-1.parquet")
    lake.night().published().says("absurd_amount", DAYS[0])
