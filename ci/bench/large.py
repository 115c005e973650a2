"""Makes a folder of many times the users out of a measured one, with its tiles.

    python ci/bench/large.py FROM TO --times 20 --memory-mib 4096

FROM is a folder of night.py whose output holds the cold run. TO gets each of its tiles, and the
source files of the last two days, with every user N times over; source files of older days stay what
they are, since their tiles stand for them. A tile stands for files by their paths, so rename FROM,
and TO to what FROM was. Then

    tierline run FROM/jobs/demo.toml --date 2026-10-30
    tierline run FROM/jobs/demo.toml --date 2026-10-31

publish a snapshot and the night after it. Needs pyarrow and blake3 from PyPI.
"""

import argparse
import json
import os
import shutil
from pathlib import Path

import blake3
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

STAMP = b"tierline.tile"
LAST_DAYS = {"dt=2026-10-30", "dt=2026-10-31"}


def many(rows: pa.Table, times: int):
    """The rows once for each prefix of user ids: in the order of users if they were before."""
    place = rows.schema.get_field_index("user_id")
    for turn in range(times):
        prefix = chr(ord("a") + turn)
        user_ids = pc.binary_join_element_wise(prefix, rows.column(place).cast(pa.string()), "")
        field = rows.schema.field(place)
        yield rows.set_column(place, field, user_ids.cast(field.type))


def write_tile(path: Path, folder: Path, times: int) -> None:
    """Writes a tile as tierline does: LZ4, small pages, stamped, the digest in its name."""
    rows = pq.read_table(path)
    stamp = json.loads(pq.read_metadata(path).metadata[STAMP])
    stamp["rows"] *= times
    unfinished = folder / path.name
    dictionaries = [name for name in rows.column_names if name != "user_id"]
    schema = rows.schema.remove_metadata()
    with pq.ParquetWriter(unfinished, schema, compression="lz4", use_dictionary=dictionaries,
                          max_rows_per_page=8192) as writer:
        for some in many(rows, times):
            writer.write_table(some.replace_schema_metadata(None))
        writer.add_key_value_metadata({STAMP.decode(): json.dumps(stamp)})
    digest = blake3.blake3(unfinished.read_bytes()).hexdigest()[:16]
    unfinished.rename(folder / f"{path.stem.rpartition('-')[0]}-{digest}.parquet")


def write_source(path: Path, to: Path, times: int) -> None:
    rows = pq.ParquetFile(path).read()
    to.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.concat_tables(many(rows, times)), to)


def copy_sources(source: Path, to: Path, times: int) -> None:
    for path in sorted(source.rglob("*.parquet")):
        target = to / path.relative_to(source)
        if path.parent.name in LAST_DAYS:
            write_source(path, target, times)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("to", type=Path)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--memory-mib", type=int, default=4096)
    arguments = parser.parse_args()
    source, to, times = arguments.source, arguments.to, arguments.times
    if not 1 <= times <= 26:
        parser.error("--times: a letter stands for each, so 1 to 26")
    copy_sources(source / "data", to / "data", times)
    for rollup in sorted((source / "output-kept" / "tiles").iterdir()):
        folder = to / "output" / "tiles" / rollup.name
        folder.mkdir(parents=True)
        for path in sorted(rollup.iterdir()):
            write_tile(path, folder, times)
    (to / "jobs").mkdir()
    job = (source / "jobs" / "demo.toml").read_text()
    (to / "jobs" / "demo.toml").write_text(f"{job}memory_limit_mib = {arguments.memory_mib}\n")
    shutil.copytree(source / "output-kept" / "calibrations", to / "output" / "calibrations")


if __name__ == "__main__":
    main()
