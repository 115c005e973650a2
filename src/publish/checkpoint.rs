//! Checkpoints: what a reader needs to know of a log, in one file, so that it need not read every
//! commit since the first.
//!
//! They are written apart from commits, because the failure of one says nothing about the other.

use std::sync::Arc;

use deltalake_core::{DeltaResult, DeltaTable, checkpoints};

use super::PublishError;
use super::commit::Committed;

/// Versions from one checkpoint to the next.
pub(super) const CHECKPOINT_INTERVAL: i64 = 10;

/// Writes the checkpoints that are due. The tables are published all the same when one fails.
pub async fn write_checkpoints(tables: &[Committed]) {
    let due = tables.iter().filter(|table| table.is_checkpoint_due());
    for table in due {
        if let Err(error) = table.checkpoint().await {
            tracing::warn!(table.name = table.name(), %error, "no checkpoint; the table is published all the same");
        }
    }
}

impl Committed {
    /// Whether this version should have a checkpoint.
    pub fn is_checkpoint_due(&self) -> bool {
        self.version() > 0 && self.version() % CHECKPOINT_INTERVAL == 0
    }

    /// Writes the checkpoint of this version. Readers do without one, so a failure is worth a
    /// warning and no more.
    ///
    /// # Errors
    /// [`PublishError::Checkpoint`] when it could not be written.
    pub async fn checkpoint(&self) -> Result<(), PublishError> {
        let written = self.write_checkpoint().await;
        written.map_err(|source| PublishError::Checkpoint {
            table: self.name().to_owned(),
            version: self.version(),
            source: source.into(),
        })
    }

    async fn write_checkpoint(&self) -> DeltaResult<()> {
        let mut table = DeltaTable::new(Arc::clone(&self.table.place.log));
        table.load_version(self.version.cast_unsigned()).await?;
        checkpoints::create_checkpoint(&table, None).await
    }
}

#[cfg(test)]
mod tests {
    use crate::drafts::Dating;
    use crate::drafts::testing::{date, draft, objects, on_every_store, tiers};
    use crate::publish::Table;
    use crate::publish::testing::provenance;
    use crate::storage::Location;

    on_every_store!(a_table_reads_the_same_from_its_checkpoint);

    async fn a_table_reads_the_same_from_its_checkpoint(output: &Location) {
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let mut table = Table::open_or_create(output, &spec).await.unwrap();
        for day in 11..=20 {
            assert!(!table.committed().is_checkpoint_due());
            let day = format!("2026-11-{day}");
            let draft = draft(output, &spec, &day, &[(1, "gold"), (2, "new")]).await;
            table = table.replace(draft, &provenance("a", 1)).await.unwrap();
        }
        assert!(table.committed().is_checkpoint_due());
        table.committed().checkpoint().await.unwrap();

        let checkpoint = "tables/tier_snapshot/_delta_log/00000000000000000010.checkpoint.parquet";
        assert!(objects(output).await.contains(&checkpoint.to_owned()));
        let reopened = Table::open(output, "tier_snapshot").await.unwrap().unwrap();
        assert_eq!(sorted(&reopened, None), sorted(&table, None));
        let day = Some(date("2026-11-15"));
        assert_eq!(sorted(&reopened, day), sorted(&table, day));
        assert_eq!(reopened.files(day).unwrap()[0].rows, Some(2));

        let draft = draft(output, &spec, "2026-11-15", &[(3, "gold")]).await;
        let replaced = reopened.replace(draft, &provenance("b", 2)).await.unwrap();
        assert_eq!(replaced.files(day).unwrap()[0].rows, Some(1));
        assert_eq!(replaced.files(None).unwrap().len(), 10);
    }

    fn sorted(
        table: &Table,
        day: Option<crate::ground::SnapshotDate>,
    ) -> Vec<crate::publish::PublishedFile> {
        let mut files = table.files(day).unwrap();
        files.sort_by(|left, right| left.path.cmp(&right.path));
        files
    }
}
