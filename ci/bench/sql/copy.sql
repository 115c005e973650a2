-- The finished snapshot, read and written once: the least that a night can cost.
COPY (
    FROM read_parquet($snapshot_files, hive_partitioning = false)
) TO '$target' (FORMAT parquet, COMPRESSION zstd);
