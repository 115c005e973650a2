//! Making a table that is not there yet.

use arrow::datatypes::{Field, Fields, Schema};
use deltalake_core::kernel::StructType;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::transaction::CommitProperties;
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::SaveMode;
use deltalake_core::{DeltaResult, TableProperty};

use crate::drafts::{SNAPSHOT_DATE, TableSpec};
use crate::storage::Location;

use super::PublishError;
use super::checkpoint::CHECKPOINT_INTERVAL;
use super::place::Place;
use super::table::Table;

/// `publications` names versions by number, so their commits have to outlive them.
const LOG_RETENTION: &str = "interval 3650 days";

/// How long the files of a replaced version stay, for readers that are still at it.
const DELETED_FILE_RETENTION: &str = "interval 30 days";

/// Where Delta keeps the comment of a column.
const COMMENT: &str = "comment";

impl Table {
    /// The newest version of a table, which is made first when it is not there. Any number of
    /// runs may do so at once.
    ///
    /// # Errors
    /// When the table can neither be read nor made.
    pub async fn open_or_create(output: &Location, spec: &TableSpec) -> Result<Self, PublishError> {
        if let Some(table) = Self::open(output, spec.name()).await? {
            return Ok(table);
        }
        let place = Place::of(output, spec.name());
        let (table, folder) = (spec.name().to_owned(), place.url());
        let created = create(place, spec).await;
        // Whatever the attempt says: a table that is there now was made by it or by another run.
        match (Self::open(output, spec.name()).await?, created) {
            (Some(table), _) => Ok(table),
            (None, Ok(())) => Err(PublishError::Unlisted { table, folder }),
            (None, Err(source)) => Err(PublishError::Create {
                table,
                folder,
                source: source.into(),
            }),
        }
    }
}

async fn create(place: Place, spec: &TableSpec) -> DeltaResult<()> {
    let schema: StructType = (&with_comments(spec)).try_into_kernel()?;
    let partition = spec.dating().is_partitioned().then_some(SNAPSHOT_DATE);
    let interval = CHECKPOINT_INTERVAL.to_string();
    // Without a retry: a version 0 of another run would be followed by a second set of metadata.
    let properties = CommitProperties::default()
        .with_max_retries(0)
        .with_create_checkpoint(false)
        .with_cleanup_expired_logs(Some(false));
    let new = match spec.description() {
        "" => CreateBuilder::new(),
        description => CreateBuilder::new().with_comment(description),
    };
    new.with_log_store(place.log)
        .with_save_mode(SaveMode::ErrorIfExists)
        .with_table_name(spec.name())
        .with_columns(schema.fields().cloned())
        .with_partition_columns(partition)
        .with_configuration_property(TableProperty::CheckpointInterval, Some(interval))
        .with_configuration_property(TableProperty::LogRetentionDuration, Some(LOG_RETENTION))
        .with_configuration_property(
            TableProperty::DeletedFileRetentionDuration,
            Some(DELETED_FILE_RETENTION),
        )
        .with_commit_properties(properties)
        .await
        .map(|_| ())
}

/// The columns of a table, each with its comment as metadata.
pub(super) fn with_comments(spec: &TableSpec) -> Schema {
    let commented = |field: &Field| match spec.comments().get(field.name()) {
        None => field.clone(),
        Some(comment) => {
            let metadata = [(COMMENT.to_owned(), comment.clone())];
            field.clone().with_metadata(metadata.into())
        }
    };
    let fields = spec.schema().fields().iter();
    Schema::new(fields.map(|field| commented(field)).collect::<Fields>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drafts::Dating;
    use crate::drafts::testing::{objects, on_every_store, tiers};
    use crate::publish::testing::{action, faulty, log_entry};

    on_every_store!(
        creating_twice_makes_one_table,
        creating_at_once_makes_one_table,
        a_table_starts_at_the_protocol_every_reader_opens,
        comments_are_in_the_log,
    );

    async fn creating_twice_makes_one_table(output: &Location) {
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        assert!(
            Table::open(output, "tier_snapshot")
                .await
                .unwrap()
                .is_none()
        );
        for _ in 0..2 {
            let table = Table::open_or_create(output, &spec).await.unwrap();
            assert_eq!((table.version(), table.files(None).unwrap()), (0, vec![]));
            assert_eq!(table.schema().unwrap(), **spec.schema());
        }
        assert_eq!(objects(output).await.len(), 1);
    }

    async fn creating_at_once_makes_one_table(output: &Location) {
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let attempts = (0..4).map(|_| Table::open_or_create(output, &spec));
        for table in futures::future::join_all(attempts).await {
            assert_eq!(table.unwrap().version(), 0);
        }
        assert_eq!(objects(output).await.len(), 1);
    }

    #[tokio::test]
    async fn a_run_that_is_second_to_create_a_table_adds_nothing_to_it() {
        let (store, output) = faulty();
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let first = Table::open_or_create(&output, &spec).await.unwrap();
        store.forget(1);
        create(first.place, &spec).await.unwrap_err();
        let table = Table::open(&output, "tier_snapshot")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(table.version(), 0);
    }

    async fn a_table_starts_at_the_protocol_every_reader_opens(output: &Location) {
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        Table::open_or_create(output, &spec).await.unwrap();
        let entry = log_entry(output, "tier_snapshot", 0).await;
        assert_eq!(
            action(&entry, "protocol"),
            &serde_json::json!({"minReaderVersion": 1, "minWriterVersion": 2})
        );
        let metadata = action(&entry, "metaData");
        assert_eq!(
            metadata["partitionColumns"],
            serde_json::json!(["snapshot_date"])
        );
        assert_eq!(
            metadata["configuration"],
            serde_json::json!({
                "delta.checkpointInterval": "10",
                "delta.logRetentionDuration": "interval 3650 days",
                "delta.deletedFileRetentionDuration": "interval 30 days",
            })
        );
    }

    async fn comments_are_in_the_log(output: &Location) {
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let comments = [
            ("tier", "What readers see"),
            ("gone", "Of a column that is not there"),
        ];
        let comments = comments.map(|(column, comment)| (column.to_owned(), comment.to_owned()));
        let spec = TableSpec::clone(&spec).with_comments(comments.into());
        let spec = spec.with_description("Where users are.");
        Table::open_or_create(output, &spec).await.unwrap();
        let entry = log_entry(output, "tier_snapshot", 0).await;
        assert_eq!(
            action(&entry, "metaData")["description"],
            "Where users are."
        );
        let schema = action(&entry, "metaData")["schemaString"].as_str().unwrap();
        let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
        let of_date = serde_json::json!({"comment": "the last business day that the row knows of"});
        assert_eq!(
            schema["fields"],
            serde_json::json!([
                {"name": "snapshot_date", "type": "date", "nullable": true, "metadata": of_date},
                {"name": "user_id", "type": "long", "nullable": true, "metadata": {}},
                {"name": "tier", "type": "string", "nullable": true, "metadata": {"comment": "What readers see"}},
            ])
        );
    }
}
