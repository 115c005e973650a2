"""Sources that are tables with a log: a listing of their folders counts what the log has removed."""

import datetime
import json
import shutil
from pathlib import Path

import pyarrow
import pyarrow.parquet
from deltalake import DeltaTable, write_deltalake

from lake import DAYS, LAST_DAY, ORDER_SCHEMA, ORDERS, Lake, Row, of_day, table


def _with_day(rows: list[Row], schema: pyarrow.Schema, as_text: bool = False) -> pyarrow.Table:
    days = [row["day"] for row in rows]
    column = pyarrow.array(days if as_text else [datetime.date.fromisoformat(day) for day in days])
    return table(rows, schema).append_column("dt", column)


def _delta_orders(lake: Lake, as_text: bool = False) -> Path:
    """Orders as a Delta table whose last day was delivered twice, and whose user 102 was deleted."""
    folder = lake.path("data/orders")
    orders = _with_day(ORDERS, ORDER_SCHEMA, as_text)
    write_deltalake(folder, orders, partition_by=["dt"])
    last = _with_day(of_day(ORDERS, LAST_DAY), ORDER_SCHEMA, as_text)
    write_deltalake(folder, last, mode="overwrite", predicate=f"dt = '{LAST_DAY}'")
    DeltaTable(folder).delete("user_id = 102")
    lake.deliver("engagement")
    return folder


def _without_102() -> list[Row]:
    return [order for order in ORDERS if order["user_id"] != 102]


def case_delta_table(lake: Lake) -> None:
    folder = _delta_orders(lake)
    version = DeltaTable(folder).version()
    night = lake.night().published(orders=_without_102()).warns_of_nothing()
    night.plans(f"of its Delta table at version {version}")
    again = lake.night()
    assert "already published" in again.run.stdout, again.said(again.run)


def case_delta_table_partitioned_by_text(lake: Lake) -> None:
    _delta_orders(lake, as_text=True)
    lake.night().published(orders=_without_102()).warns_of_nothing()


def case_delta_table_with_a_checkpoint(lake: Lake) -> None:
    """And without the commits before it."""
    folder = _delta_orders(lake)
    delta = DeltaTable(folder)
    delta.create_checkpoint()
    for version in range(delta.version()):
        (folder / f"_delta_log/{version:020}.json").unlink()
    lake.night().published(orders=_without_102()).warns_of_nothing()


def case_delta_table_with_odd_names(lake: Lake) -> None:
    """A second partition column whose values are encoded in paths, and twice in the log."""
    rows = [{**order, "region": ["a b", "s/o:p", "50%"][order["user_id"] % 3]} for order in ORDERS]
    orders = _with_day(rows, ORDER_SCHEMA.append(pyarrow.field("region", pyarrow.string())))
    write_deltalake(lake.path("data/orders"), orders, partition_by=["region", "dt"])
    lake.deliver("engagement")
    lake.night().published().warns_of_nothing()


def case_late_data_in_a_delta_table(lake: Lake) -> None:
    """A day that is overwritten after its night is restated."""
    folder = _delta_orders(lake)
    lake.set("guards", "max_tier_share_change = 1.0")
    lake.night(DAYS[1])
    more = [{**order, "order_id": order["order_id"] + 5000} for order in of_day(ORDERS, DAYS[0])]
    write_deltalake(folder, _with_day(more, ORDER_SCHEMA), mode="append")
    lake.night().published(orders=_without_102() + more).says("published dates to restate: 1")


def case_delta_table_without_days(lake: Lake) -> None:
    write_deltalake(lake.path("data/orders"), table(ORDERS, ORDER_SCHEMA))
    lake.deliver("engagement")
    lake.night().refused(3, "the Delta table of source `orders` has no partitions", "partitioned by dt")


def case_delta_table_partitioned_otherwise(lake: Lake) -> None:
    write_deltalake(lake.path("data/orders"), table(ORDERS, ORDER_SCHEMA), partition_by=["channel"])
    lake.deliver("engagement")
    lake.night().refused(3, "is partitioned by channel, not by dt")


def _with_protocol(lake: Lake, features: list[str], mapped: bool = False) -> None:
    """A newer commit that asks more of readers; `mapped` gives the columns of files other names."""
    folder = _delta_orders(lake)
    commit = {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features,
                           "writerFeatures": features}}
    first = (folder / f"_delta_log/{0:020}.json").read_text().splitlines()
    metadata = next(json.loads(line) for line in first if "metaData" in line)
    if mapped:
        schema = json.loads(metadata["metaData"]["schemaString"])
        for number, column in enumerate(schema["fields"], 1):
            column["metadata"] = {"delta.columnMapping.id": number,
                                  "delta.columnMapping.physicalName": f"col-{number}"}
        metadata["metaData"]["schemaString"] = json.dumps(schema)
        metadata["metaData"]["configuration"] = {"delta.columnMapping.mode": "name",
                                                 "delta.columnMapping.maxColumnId": "9"}
    version = DeltaTable(folder).version() + 1
    lines = json.dumps(commit) + "\n" + json.dumps(metadata) + "\n"
    (folder / f"_delta_log/{version:020}.json").write_text(lines)


def case_delta_table_with_deletion_vectors(lake: Lake) -> None:
    _with_protocol(lake, ["deletionVectors"])
    lake.night().refused(3, "source `orders` has the feature deletionVectors, which is not read here")


def case_delta_table_with_an_unknown_feature(lake: Lake) -> None:
    _with_protocol(lake, ["someThingNew"])
    lake.night().refused(3, "source `orders` has the feature someThingNew, which is not read here")


def case_delta_table_with_column_mapping(lake: Lake) -> None:
    _with_protocol(lake, ["columnMapping"], mapped=True)
    lake.night().refused(3, "source `orders` has the feature columnMapping")


def case_delta_table_with_harmless_features(lake: Lake) -> None:
    _with_protocol(lake, ["timestampNtz", "vacuumProtocolCheck"])
    lake.night().published(orders=_without_102()).warns_of_nothing()


def case_delta_table_that_has_lost_a_file(lake: Lake) -> None:
    folder = _delta_orders(lake)
    lost = DeltaTable(folder).file_uris()[0].rsplit("/", 1)[1]
    next(folder.rglob(lost)).unlink()
    lake.night().refused(1, lost, "which is not in storage; run again")


def case_shallow_clone(lake: Lake) -> None:
    folder = _delta_orders(lake)
    path = folder / f"_delta_log/{0:020}.json"
    path.write_text(path.read_text().replace('"path":"dt=2026-11-18', '"path":"file:///elsewhere/dt=2026-11-18'))
    for version in range(1, DeltaTable(folder).version() + 1):
        (folder / f"_delta_log/{version:020}.json").unlink()
    lake.night().refused(3, "names a file outside of its folder", "deep clone")


def case_url_inside_a_delta_table(lake: Lake) -> None:
    """A folder of a table that is partitioned by region and day looks like a plain source."""
    rows = [{**order, "region": "eu"} for order in ORDERS]
    orders = _with_day(rows, ORDER_SCHEMA.append(pyarrow.field("region", pyarrow.string())))
    write_deltalake(lake.path("data/all"), orders, partition_by=["region", "dt"])
    lake.deliver("engagement")
    lake.edit("jobs/production.toml", "../data/orders", "../data/all/region=eu")
    lake.night().refused(3, "source `orders` lies inside a Delta table", "give the url of the table itself")


def case_url_above_a_delta_table(lake: Lake) -> None:
    shutil.move(_delta_orders(lake), lake.path("data/shop/orders"))
    lake.edit("jobs/production.toml", "../data/orders", "../data/shop")
    lake.night().refused(3, "source `orders` has a Delta table in it", "/data/shop/orders")


def _iceberg_like(lake: Lake) -> None:
    """Where Iceberg puts files and log; the day twice, as after an overwrite."""
    for day in DAYS:
        rows = table(of_day(ORDERS, day), ORDER_SCHEMA)
        for copy in range(2 if day == LAST_DAY else 1):
            path = lake.path(f"data/orders/data/dt={day}/0000{copy}-0-1c.parquet")
            pyarrow.parquet.write_table(rows, path)
    lake.path("data/orders/metadata/00002-5f.metadata.json").write_text('{"format-version": 2}')
    lake.path("data/orders/metadata/snap-1.avro").write_bytes(b"Obj")
    lake.deliver("engagement")


def case_iceberg_table(lake: Lake) -> None:
    _iceberg_like(lake)
    lake.night().refused(3, "source `orders` is an Iceberg table", "export it as plain Parquet")


def case_data_folder_of_an_iceberg_table(lake: Lake) -> None:
    _iceberg_like(lake)
    lake.edit("jobs/production.toml", "../data/orders", "../data/orders/data")
    lake.night().refused(3, "source `orders` lies inside an Iceberg table", "export it as plain Parquet")


def case_hudi_table(lake: Lake) -> None:
    lake.deliver("orders")
    lake.deliver("engagement")
    lake.path("data/orders/.hoodie/hoodie.properties").write_text("hoodie.table.name=orders\n")
    lake.night().refused(3, "source `orders` is a Hudi table", "export it as plain Parquet")


def case_output_of_structured_streaming(lake: Lake) -> None:
    lake.deliver("orders")
    lake.deliver("engagement")
    lake.path("data/orders/_spark_metadata/0").write_text("v1\n")
    lake.night().refused(3, "source `orders` is the output of a Structured Streaming query")


def _commit(folder: Path, version: int) -> Path:
    return folder / f"_delta_log/{version:020}.json"


def case_newest_commit_of_a_delta_table_without_bytes(lake: Lake) -> None:
    """A commit that is being written, or what is left of one after a power cut."""
    folder = _delta_orders(lake)
    _commit(folder, DeltaTable(folder).version()).write_bytes(b"")
    lake.night().refused(4, "inputs not ready: the newest commit of the Delta table of source `orders` is not whole",
                         "00000000000000000002.json` is a commit without bytes", "run again when its writer is done")


def case_newest_commit_of_a_delta_table_cut_short(lake: Lake) -> None:
    folder = _delta_orders(lake)
    newest = _commit(folder, DeltaTable(folder).version())
    whole = newest.read_bytes()
    newest.write_bytes(whole[:len(whole) - 20])
    lake.night().refused(4, "inputs not ready", "00000000000000000002.json` is a commit that ends in the middle of a line")
    newest.write_bytes(bytes(len(whole)))
    lake.night().refused(4, "inputs not ready", "00000000000000000002.json` is a commit that ends in the middle of a line")
    newest.write_bytes(whole)
    lake.night().published(orders=_without_102())


def case_older_commit_of_a_delta_table_damaged(lake: Lake) -> None:
    """No writer leaves a log so, and no waiting helps."""
    folder = _delta_orders(lake)
    older = _commit(folder, 1)
    whole = older.read_bytes()
    older.write_bytes(b"")
    lake.night().refused(3, "the log of the Delta table of source `orders` is damaged",
                         "00000000000000000001.json` is a commit without bytes", "restore the log from a copy")
    older.write_bytes(whole[:len(whole) // 2])
    lake.night().refused(3, "00000000000000000001.json` is a commit that ends in the middle of a line")
    older.unlink()
    lake.night().refused(3, "00000000000000000002.json` is a commit after version 1, which is missing")


def case_delta_log_without_commits(lake: Lake) -> None:
    """A table that is being made, or a log that has lost everything: no bare folder."""
    lake.deliver("orders")
    lake.deliver("engagement")
    log = lake.folder / "data/orders/_delta_log"
    log.mkdir()
    lake.night().refused(4, "source `orders` has a Delta log without a commit", "data/orders/_delta_log`",
                         "if it is a folder of files and no table, remove")
    (log / "00000000000000000000.crc").write_text("{}")
    lake.night().refused(4, "source `orders` has a Delta log without a commit")
    (log / "_last_checkpoint").write_text('{"version":10,"size":13}')
    lake.night().refused(3, "the log of the Delta table of source `orders` is damaged",
                         "_delta_log/_last_checkpoint` is alone in the log", "restore the log from a copy")
    shutil.rmtree(log)
    lake.night().published().warns_of_nothing()


def case_transactional_hive_table(lake: Lake) -> None:
    """The rows that its transactions have deleted would come back."""
    lake.deliver("engagement")
    for day in DAYS:
        for folder in ("base_0000001", "delete_delta_0000002_0000002_0000"):
            path = lake.path(f"data/orders/dt={day}/{folder}/bucket_00000")
            pyarrow.parquet.write_table(table(of_day(ORDERS, day), ORDER_SCHEMA), path)
    lake.night().refused(3, "source `orders` is a transactional Hive table", "export it as plain Parquet")
