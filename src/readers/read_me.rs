//! `_README.txt` at the output's root: what people should read who find the folder.

use object_store::ObjectStoreExt;

use crate::ground::Layout;
use crate::storage::{Location, StorageError};

const TEXT: &str = "\
These are the tables of tierline, a nightly job. Do not write to this folder.

tables/   Delta Lake tables. Read them with a tool that reads Delta Lake, by the folder of the table, such as
          tables/tier_current (where each user is today) or tables/tier_snapshot (each user on each date).
          Do not read their Parquet files by a glob: files of dates that were replaced since are there, too,
          so that you would find each such date twice.
views/    views over all tables at the versions that belong together, for DuckDB and Spark
report/   pages for people, where the job writes them
";

const PLAIN: &str = "\
plain/    the same tables as plain Parquet, for tools that know no Delta Lake. These may be read by a glob:
          plain/tier_current.parquet, plain/tier_snapshot/snapshot_date=*/*.parquet
";

const NO_PLAIN: &str = "\
plain/    is not kept up. A tool that knows no Delta Lake needs `plain = true` under [output] of the job, which
          keeps plain Parquet there, or files that `tierline export` writes. A plain/ that is here is from before.
";

const END: &str = "\
The other folders are the job's own. What each table is: `tierline docs`.
";

/// Writes the file where it is missing, or says something else.
///
/// # Errors
/// A store that fails.
pub(super) async fn keep(output: &Location, is_plain: bool) -> Result<(), StorageError> {
    let path = Layout::below(output.path.clone()).read_me();
    let text = [TEXT, if is_plain { PLAIN } else { NO_PLAIN }, END].concat();
    let found = match output.store.get(&path).await {
        Ok(found) => found.bytes().await.map(Some),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(source) => Err(source),
    };
    let found = found.map_err(|source| output.failure("read", &path, source))?;
    if found.is_some_and(|found| found == text) {
        return Ok(());
    }
    let written = output.store.put(&path, text.into()).await;
    written.map_err(|source| output.failure("write", &path, source))?;
    Ok(())
}
