//! Models that several others read are computed once: their rows lie on this machine's disk,
//! sorted by user, for as long as the run takes.

use std::path::Path as FilePath;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::compute::kernels::cmp::distinct;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{DataFrame, col};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use crate::engine::planned_in_ranges;
use crate::inputs::ParquetFiles;
use crate::storage::{Location, ScratchFolder};
use crate::tiles::{USER_ID, UserRanges};

/// Rows of a file that are compressed and read together.
const ROW_GROUP_ROWS: usize = 128 * 1024;

/// A folder for this run; gone when dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: ScratchFolder,
    disk: Location,
    /// How many files are written side by side.
    at_once: usize,
}

impl Scratch {
    /// A fresh folder below `parent`, or below the system's temporary folder.
    pub(super) fn open(
        disk: &Location,
        parent: Option<&FilePath>,
        at_once: usize,
    ) -> std::io::Result<Self> {
        Ok(Self {
            folder: ScratchFolder::create(parent)?,
            disk: disk.clone(),
            at_once,
        })
    }

    /// Where it is.
    pub(super) fn folder(&self) -> &FilePath {
        self.folder.path()
    }

    /// Computes rows once and returns them as a table sorted by user, whose primary key is the
    /// user when no two rows are of one. Where the rows can be computed in ranges of users, so they are,
    /// each to a file of its own.
    pub(super) async fn keep(
        &self,
        name: &str,
        rows: DataFrame,
        ranges: &UserRanges,
    ) -> Result<ParquetFiles> {
        let sorted = rows.sort(vec![col(USER_ID).sort(true, true)])?;
        let schema = Arc::clone(sorted.schema().inner());
        let user_id = schema.index_of(USER_ID)?;
        let user_id_type = schema.field(user_id).data_type().clone();
        let split_points = ranges.split_points(&user_id_type)?;
        let planned = planned_in_ranges(sorted, name, &split_points).await?;
        let is_in_ranges = planned.len() > 1;
        let writing = planned.into_iter().enumerate().map(|(range, rows)| {
            let path = self.folder.path().join(format!("{name}.{range}.parquet"));
            async move {
                let written = SpawnedTask::spawn(async move {
                    let are_unique = write_sorted(rows.stream()?, &path, user_id).await?;
                    Ok::<_, DataFusionError>((path, are_unique))
                });
                let written = written.join_unwind().await;
                written.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))?
            }
        });
        let written: Vec<_> = stream::iter(writing)
            .buffered(self.at_once)
            .try_collect()
            .await?;
        let (mut objects, mut are_unique) = (Vec::new(), true);
        for (path, are_unique_there) in written {
            let path = Path::from_absolute_path(&path).map_err(object_store::Error::from)?;
            objects.push(self.disk.store.head(&path).await?);
            are_unique &= are_unique_there;
        }
        let disk = ObjectStoreUrl::local_filesystem();
        let table = ParquetFiles::new(disk, objects, schema).sorted_by(user_id);
        let table = match are_unique {
            true => table.with_primary_key(user_id),
            false => table,
        };
        Ok(match is_in_ranges {
            true => table.in_ranges(ranges.partitioning(user_id, &user_id_type)?),
            false => table,
        })
    }
}

/// Writes rows that come sorted by user; whether no two are of one.
async fn write_sorted(
    mut rows: SendableRecordBatchStream,
    path: &FilePath,
    user_id: usize,
) -> Result<bool> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::LZ4_RAW)
        // Rows are in memory until their group is whole.
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .build();
    let file = std::fs::File::create(path)?;
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties))?;
    let mut users = Users::default();
    while let Some(batch) = rows.try_next().await? {
        users.see(batch.column(user_id))?;
        writer.write(&batch)?;
    }
    writer.close()?;
    Ok(users.are_unique())
}

/// Sorted users on their way: whether each is there once.
#[derive(Default)]
struct Users {
    last: Option<ArrayRef>,
    is_repeated: bool,
}

impl Users {
    fn see(&mut self, users: &ArrayRef) -> Result<()> {
        let Some(end) = users.len().checked_sub(1) else {
            return Ok(());
        };
        let repeats = |left: &ArrayRef, right: &ArrayRef| -> Result<bool> {
            Ok(distinct(left, right)?.has_false())
        };
        if let Some(last) = &self.last {
            self.is_repeated |= repeats(last, &users.slice(0, 1))?;
        }
        self.is_repeated |= users.null_count() > 0;
        self.is_repeated |= repeats(&users.slice(0, end), &users.slice(1, end))?;
        self.last = Some(users.slice(end, 1));
        Ok(())
    }

    fn are_unique(&self) -> bool {
        !self.is_repeated
    }
}

/// Whether computing a plan twice costs more than reading its rows twice: it aggregates, joins
/// or sorts.
pub(super) fn is_worth_keeping(plan: &LogicalPlan) -> Result<bool, DataFusionError> {
    let mut is_costly = false;
    plan.apply_with_subqueries(|node| {
        is_costly |= matches!(
            node,
            LogicalPlan::Aggregate(_)
                | LogicalPlan::Join(_)
                | LogicalPlan::Window(_)
                | LogicalPlan::Distinct(_)
        );
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(is_costly)
}
