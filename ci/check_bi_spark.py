"""Runs the views of spark.sql in Spark, and compares their rows with those of DuckDB.

    python3 ci/check_bi_spark.py KIT OUTPUT

KIT is the folder `bi` that `tierline init` wrote for a job, and OUTPUT that job's output. Spark reads copies
of the tables in Parquet: its Delta Lake is not on PyPI. Only the statements that make Delta tables of the
first part are left out. Needs Java.
"""

import sys
import tempfile
from pathlib import Path

import duckdb
from deltalake import DeltaTable
from pyspark.sql import SparkSession

import bi_kit


def main(kit: Path, output: Path) -> int:
    problems = 0
    opened = duckdb.connect()
    with tempfile.TemporaryDirectory() as folder:
        spark = (SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
                 .config("spark.sql.warehouse.dir", f"{folder}/warehouse")
                 .config("spark.sql.shuffle.partitions", "1").config("spark.sql.session.timeZone", "UTC")
                 .getOrCreate())
        for table in bi_kit.KEYS:
            rows = DeltaTable(output / "tables" / table).to_pyarrow_table()
            opened.register(f"{table}_rows", rows)
            opened.execute(f"CREATE VIEW {table} AS FROM {table}_rows")
            opened.execute(f"COPY {table} TO '{folder}/{table}.parquet'")
            spark.sql(f"CREATE TABLE {table} USING parquet LOCATION '{folder}/{table}.parquet'")
        for script, run in [("duckdb.sql", opened.execute), ("spark.sql", spark.sql)]:
            text = (kit / script).read_text()
            for statement in text[text.index(bi_kit.VIEWS_FROM):].split(";\n"):
                if statement.strip().removeprefix(bi_kit.VIEWS_FROM).strip():
                    run(statement)
        for view in bi_kit.views():
            file = f"{folder}/{view.name}"
            spark.table(view.name).write.parquet(file)
            found = f"(SELECT COLUMNS(*) FROM read_parquet('{file}/*.parquet'))"
            for first, second in [(view.name, found), (found, view.name)]:
                query = f"SELECT COUNT(*) FROM (FROM {first} EXCEPT ALL FROM {second})"
                [(differing,)] = opened.execute(query).fetchall()
                if differing:
                    problems += 1
                    print(f"error: {view.name}: {differing} rows of {first} are not in {second}", file=sys.stderr)
        print(f"Spark {spark.version}: {len(bi_kit.views())} views, {problems} differences")
        spark.stop()
    return 1 if problems else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*(Path(argument).resolve() for argument in sys.argv[1:])))
