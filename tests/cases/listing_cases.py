"""Which files of a source are data, and whether its last day is whole."""

import os
import shutil
from pathlib import Path

import pyarrow.parquet

from lake import DAYS, EVENTS, LAST_DAY, ORDER_SCHEMA, ORDERS, Lake, of_day, table


def case_plain_files(lake: Lake) -> None:
    """What every other case differs from."""
    lake.deliver("orders")
    lake.deliver("engagement")
    lake.night().published().warns_of_nothing()


def case_files_without_an_ending(lake: Lake) -> None:
    """Athena's UNLOAD, Trino and Hive name their files so."""
    lake.deliver("orders", name="20261120_123456_00012_abcde_7f3c1f0e-0001")
    lake.deliver("engagement")
    lake.night().published().warns_of_nothing()


def case_a_file_without_an_ending_beside_another(lake: Lake) -> None:
    """Hive's INSERT INTO adds a file of its own to a day that something else has written."""
    rows = of_day(ORDERS, LAST_DAY)
    lake.deliver("orders", DAYS[:-1])
    lake.deliver("orders", [LAST_DAY], rows=rows[:2])
    lake.deliver("orders", [LAST_DAY], rows=rows[2:], name="000001_0")
    lake.deliver("engagement")
    lake.night().published().warns_of_nothing()


def case_other_endings(lake: Lake) -> None:
    """Half a day each under the endings that writers use."""
    for source, rows in {"orders": ORDERS, "engagement": EVENTS}.items():
        for part, name in enumerate(["a.parq", "b.PARQUET", "c.pq", "d.snappy"]):
            lake.deliver(source, rows=rows[part::4], name=name)
    lake.night().published().warns_of_nothing()


def case_files_that_the_job_leaves_out(lake: Lake) -> None:
    """With `files`, what is not read is told, with its name."""
    lake.deliver("orders")
    shutil.copy(lake.partition("orders", LAST_DAY) / "part-0.parquet",
                lake.partition("orders", LAST_DAY) / "000001_0")
    lake.deliver("engagement")
    lake.set("sources.orders", 'files = "*.parquet"')
    warning = ("1 file of source `orders` is not read, as its name does not match *.parquet: "
               "dt=2026-11-20/000001_0 (2026-11-20)")
    lake.night().published().plans(warning).says(warning)


def case_a_day_of_files_that_the_job_leaves_out(lake: Lake) -> None:
    lake.deliver("orders", DAYS[:-1])
    lake.deliver("orders", [LAST_DAY], name="000000_0")
    lake.deliver("engagement")
    lake.set("sources.orders", 'files = "*.parquet"')
    lake.night().refused(4, "names must match *.parquet, unlike dt=2026-11-20/000000_0")


def case_a_file_that_is_not_parquet(lake: Lake) -> None:
    lake.deliver("orders")
    lake.deliver("engagement")
    (lake.partition("orders", LAST_DAY) / "manifest.json").write_text('{"files": 1}')
    lake.night().refused(3, "dt=2026-11-20/manifest.json", "begin its name with _")


def case_markers_and_hidden_files(lake: Lake) -> None:
    """What Hadoop, macOS and object stores put beside data is nobody's data."""
    lake.deliver("orders")
    lake.deliver("engagement")
    for name in ["_SUCCESS", ".part-0.parquet.crc", "_committed_71", ".DS_Store", "done"]:
        (lake.partition("orders", LAST_DAY) / name).write_bytes(b"" if name == "done" else b"x")
    lake.path("data/orders/dt=2026-11-20_$folder$").touch()
    lake.path("data/orders/_SUCCESS").touch()
    lake.night().published().warns_of_nothing()


def _half_delivered(lake: Lake, unfinished: str) -> None:
    """Spark's second committer moves a task's file into place when the task is done, and removes
    `_temporary` when the job is."""
    rows = of_day(ORDERS, LAST_DAY)
    lake.deliver("orders", DAYS[:-1])
    lake.deliver("orders", [LAST_DAY], rows=rows[:2], name="part-00000-x.c000.snappy.parquet")
    half = table(rows[2:], ORDER_SCHEMA)
    pyarrow.parquet.write_table(half, lake.path(f"data/orders/{unfinished}"))
    lake.deliver("engagement")


def case_half_delivered_beside_the_partitions(lake: Lake) -> None:
    left = "_temporary/0/_temporary/attempt_1/dt=2026-11-20/part-00001-x.c000.snappy.parquet"
    _half_delivered(lake, left)
    lake.night().refused(4, f"a write to source `orders` has not finished: {left}", LAST_DAY)


def case_half_delivered_inside_the_partition(lake: Lake) -> None:
    left = "dt=2026-11-20/_temporary/0/_temporary/attempt_1/part-00001-x.c000.snappy.parquet"
    _half_delivered(lake, left)
    lake.night().refused(4, f"a write to source `orders` has not finished: {left}", LAST_DAY)


def case_half_delivered_where_days_may_be_missing(lake: Lake) -> None:
    """No file of the day is in place yet, which would be no reason to wait, were none on the way."""
    lake.deliver("orders")
    lake.deliver("engagement", DAYS[:-1])
    left = "_temporary/0/task_1/dt=2026-11-20/part-0.parquet"
    lake.path(f"data/engagement/{left}").write_bytes(b"PAR1")
    lake.set("sources.engagement", 'required = false\nincomplete = "wait"')
    lake.night().refused(4, f"a write to source `engagement` has not finished: {left}")


def case_half_delivered_and_put_up_with(lake: Lake) -> None:
    left = "dt=2026-11-20/part-00001-x.c000.snappy.parquet.tmp"
    _half_delivered(lake, left)
    lake.set("sources.orders", 'incomplete = "warn"')
    warning = "a write to source `orders` has not finished for 2026-11-20"
    lake.night().published(orders=of_day(ORDERS, DAYS[0]) + of_day(ORDERS, DAYS[1])
                           + of_day(ORDERS, LAST_DAY)[:2]).plans(warning, left).says(warning, left)


def case_an_older_day_half_delivered(lake: Lake) -> None:
    """The night runs, and says so."""
    lake.deliver("orders")
    lake.deliver("engagement")
    (lake.partition("orders", DAYS[0]) / ".spark-staging-7f").mkdir()
    (lake.partition("orders", DAYS[0]) / ".spark-staging-7f/part-1.parquet").write_bytes(b"PAR1")
    lake.night().published().says("a write to source `orders` has not finished for 2026-11-18")


def case_marker_of_the_last_day_is_missing(lake: Lake) -> None:
    lake.deliver("orders")
    lake.deliver("engagement")
    lake.set("sources.orders", 'ready = "_SUCCESS"')
    for day in DAYS[:-1]:
        (lake.partition("orders", day) / "_SUCCESS").touch()
    lake.night().refused(4, "source `orders` has no _SUCCESS in file://", "/orders/dt=2026-11-20 for")
    (lake.partition("orders", LAST_DAY) / "_SUCCESS").touch()
    lake.night().published().warns_of_nothing()


def case_marker_of_an_older_day_is_missing(lake: Lake) -> None:
    lake.deliver("orders")
    lake.deliver("engagement")
    lake.set("sources.orders", 'ready = "_SUCCESS"')
    for day in [DAYS[0], LAST_DAY]:
        (lake.partition("orders", day) / "_SUCCESS").touch()
    lake.night().published().says("source `orders` has no _SUCCESS for 2026-11-19")


def case_last_day_without_rows(lake: Lake) -> None:
    """A file is there, and nothing is in it."""
    lake.deliver("orders")
    lake.deliver("engagement", DAYS[:-1])
    lake.deliver("engagement", [LAST_DAY], rows=[])
    lake.night().refused(4, "source `engagement` has files without rows only", LAST_DAY)
    lake.set("sources.engagement", 'incomplete = "warn"')
    events = [event for event in EVENTS if event["day"] != LAST_DAY]
    lake.night().published(events=events).says("source `engagement` has files without rows only")


def case_same_file_twice_in_a_day(lake: Lake) -> None:
    """A retried upload under another name: its rows count twice, as the README says, and that is
    told."""
    lake.deliver("orders")
    lake.deliver("engagement")
    folder = lake.partition("orders", LAST_DAY)
    shutil.copy(folder / "part-0.parquet", folder / "part-0-retry1.parquet")
    night = lake.night().published(orders=ORDERS + of_day(ORDERS, LAST_DAY))
    night.says("source `orders` has the same file twice on 2026-11-20", "part-0-retry1.parquet and ")


def case_other_rows_of_the_same_size(lake: Lake) -> None:
    """Two files of one size whose rows differ are two files."""
    lake.deliver("orders")
    for part in range(2):
        for day in DAYS:
            rows = [{**event, "user_id": 101 + part} for event in of_day(EVENTS, day)[:3]]
            lake.deliver("engagement", [day], rows=rows, name=f"part-{part}.parquet", compression="none")
    night = lake.night().warns_of_nothing()
    assert night.run.returncode == 0, night.said(night.run)


def case_url_of_one_partition(lake: Lake) -> None:
    lake.deliver("orders")
    lake.deliver("engagement")
    lake.edit("jobs/production.toml", "../data/orders", "../data/orders/dt=2026-11-20")
    night = lake.night().refused(2, "the url of source `orders` is that of one partition, dt=2026-11-20")
    assert night.check.returncode == 2, night.said(night.check)


def case_url_inside_one_partition(lake: Lake) -> None:
    lake.deliver("orders", name="part-0.parquet")
    lake.deliver("engagement")
    below = lake.path("data/orders/dt=2026-11-20/hour=10/part-1.parquet")
    shutil.move(lake.partition("orders", LAST_DAY) / "part-0.parquet", below)
    lake.edit("jobs/production.toml", "../data/orders", "../data/orders/dt=2026-11-20/hour=10")
    lake.night().refused(2, "the url of source `orders` lies inside one partition, dt=2026-11-20")


def case_partitions_inside_partitions(lake: Lake) -> None:
    lake.deliver("orders")
    lake.deliver("engagement")
    inner = lake.path("data/orders/dt=2026-11-20/dt=2026-11-19/part-1.parquet")
    shutil.copy(lake.partition("orders", DAYS[1]) / "part-0.parquet", inner)
    lake.night().refused(3, "source `orders` has files in the partitions of two days", "dt=2026-11-19/part-1")


def case_notes_beside_the_partitions(lake: Lake) -> None:
    lake.deliver("orders")
    lake.deliver("engagement")
    lake.path("data/orders/README.md").write_text("of the shop\n")
    warning = "1 file of source `orders` is in no partition and is not read: README.md"
    lake.night().published().plans(warning).says(warning)


def _temporary(lake: Lake, path: str = "data/orders/_temporary/0/task_7/part-00000.snappy.parquet") -> Path:
    left = lake.path(path)
    left.write_bytes(b"half a file")
    return left


def _written_before_everything(path: Path) -> None:
    os.utime(path, (1_700_000_000, 1_700_000_000))


def case_half_delivered_of_no_day(lake: Lake) -> None:
    """Spark's first committer moves nothing into place before the whole job is done."""
    lake.deliver("orders")
    lake.deliver("engagement")
    left = _temporary(lake)
    lake.night().refused(4, "a write to source `orders` is newer than all of its files and has not finished: "
                            "_temporary/0/task_7/part-00000.snappy.parquet")
    lake.set("sources.orders", 'incomplete = "warn"')
    lake.night().published().says("is newer than all of its files and has not finished")
    assert left.exists()


def case_half_delivered_of_no_day_long_ago(lake: Lake) -> None:
    """A job that died months ago blocks nothing."""
    lake.deliver("orders")
    lake.deliver("engagement")
    _written_before_everything(_temporary(lake))
    lake.night().published().says("a write to source `orders` has left files of no day behind; "
                                  "if no writer is at work, remove them: _temporary/0/task_7")


def case_half_delivered_of_no_day_while_an_older_date_is_published(lake: Lake) -> None:
    """What is written now is not of a date that later days have followed."""
    lake.deliver("orders")
    lake.deliver("engagement")
    _temporary(lake)
    older = [day for day in DAYS if day < LAST_DAY][-1]
    night = lake.night(older)
    assert night.run.returncode == 0, night.said(night.run)


def case_transaction_of_databricks_at_work(lake: Lake) -> None:
    lake.deliver("orders")
    lake.deliver("engagement")
    folder = lake.partition("orders", LAST_DAY)
    (folder / "_started_7").write_text("{}")
    lake.night().refused(4, f"a write to source `orders` has not finished: dt={LAST_DAY}/_started_7")
    (folder / "_committed_7").write_text("{}")
    lake.night().published().warns_of_nothing()


def case_last_day_with_a_file_without_bytes(lake: Lake) -> None:
    """A writer that has opened its file and not written it yet. On another day it is damaged."""
    lake.deliver("orders")
    lake.deliver("engagement")
    empty = lake.partition("orders", LAST_DAY) / "part-1.parquet"
    empty.write_bytes(b"")
    lake.night().refused(4, "source `orders` has files without a byte, as while they are written", "part-1.parquet")
    empty.unlink()
    (lake.partition("orders", DAYS[0]) / "part-1.parquet").write_bytes(b"")
    lake.night().refused(3, "part-1.parquet of source `orders` is truncated or not Parquet")


def case_url_below_one_partition(lake: Lake) -> None:
    lake.edit("jobs/production.toml", 'url = "../data/orders"', f'url = "../data/dt={LAST_DAY}/orders"')
    night = lake.night()
    night.refused(2, f"the url of source `orders` lies inside one partition, dt={LAST_DAY}")
    assert night.check.returncode == 2, night.said(night.check)


def case_partitions_of_no_day(lake: Lake) -> None:
    """Hive's and Spark's rows without a day, and a date that somebody has written in his own way."""
    lake.deliver("orders")
    lake.deliver("engagement")
    # A space too many would make two folders of one day.
    for value in ("__HIVE_DEFAULT_PARTITION__", "bad", f"{LAST_DAY} "):
        path = lake.path(f"data/orders/dt={value}/part-0.parquet")
        pyarrow.parquet.write_table(table(of_day(ORDERS, LAST_DAY), ORDER_SCHEMA), path)
    lake.night().refused(3, "source `orders` has files in partitions whose value is not a day",
                         f"dt={LAST_DAY} /part-0.parquet, and 2 more", 'odd_days = "skip"')
    lake.set("sources.orders", 'odd_days = "skip"')
    lake.night().published().says("3 files of source `orders` are in partitions whose value is not a day and are left out: "
                                  f"dt={LAST_DAY} /part-0.parquet, dt=__HIVE_DEFAULT_PARTITION__/part-0.parquet, "
                                  "dt=bad/part-0.parquet")


def case_sources_copied_with_their_times(lake: Lake) -> None:
    """Another inode is no other file."""
    lake.deliver("orders")
    lake.deliver("engagement")
    lake.night().published()
    data = lake.path("data")
    shutil.copytree(data, lake.path("copy"), copy_function=shutil.copy2)
    shutil.rmtree(data)
    lake.path("copy").rename(data)
    again = lake.night()
    assert "already published" in again.run.stdout, again.said(again.run)


def case_odd_names_of_a_day(lake: Lake) -> None:
    """A tab in a name, and a link that leads back: they may be data, so they are refused by name."""
    lake.deliver("orders")
    lake.deliver("engagement")
    said = "source `orders` has a file with a name that cannot be read"
    odd = lake.partition("orders", LAST_DAY) / "part\t1.parquet"
    odd.write_bytes(b"rows")
    lake.night().refused(3, said, f"orders/dt={LAST_DAY}/part\\t1.parquet", "rename it, or remove it")
    odd.unlink()
    link = lake.partition("orders", LAST_DAY) / "again"
    link.symlink_to(lake.path("data/orders"))
    said = "source `orders` has a link that leads in a circle"
    lake.night().refused(3, said, f"orders/dt={LAST_DAY}/again", "remove it, or let it lead")
    link.unlink()
    # What it said to do helps.
    lake.night().published().warns_of_nothing()


def case_odd_names_beside_the_days(lake: Lake) -> None:
    """They hide nothing, and are told."""
    lake.deliver("orders")
    lake.deliver("engagement")
    lake.path("data/orders/notes\t.txt").write_text("rows")
    (lake.folder / "data/orders/again").symlink_to(lake.folder / "data")
    latin = os.fsencode(lake.folder / "data/orders") + b"/caf\xe9"
    os.mkdir(latin)
    with open(latin + b"/part-0", "wb") as file:
        file.write(b"rows")
    (lake.partition("orders", LAST_DAY) / "_tmp\t").write_text("rows")
    lake.night().published().says("2 names in source `orders` cannot be read", "notes\\t.txt",
                                  "caf\\xe9/part-0", "1 link in source `orders` leads in a circle", "again")


def case_odd_names_of_a_day_to_come(lake: Lake) -> None:
    lake.deliver("orders")
    lake.deliver("engagement")
    lake.path("data/orders/dt=2026-11-21/part\t1.parquet").write_text("rows")
    lake.night().published().warns_of_nothing()


def case_odd_names_beside_the_source(lake: Lake) -> None:
    """The folder above a source is looked at for tables that the source is a part of."""
    lake.deliver("orders")
    lake.deliver("engagement")
    lake.path("data/notes\t.txt").write_text("rows")
    lake.night().published().warns_of_nothing()
