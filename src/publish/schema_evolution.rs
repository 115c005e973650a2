//! Schema evolution of a published table: the columns that readers see, and those that they lost.
//!
//! What changes goes into the log as new metadata, in the commit of the rows that need it: new
//! columns behind those there are, dropped ones out. No file is touched. Readers give NULL for a
//! column that a file lacks and pass over one that the table lacks, at the protocol every reader
//! opens.
//!
//! What is told of the table and of its columns changes in the same way, whenever a draft says otherwise.
//!
//! A table in which nothing was ever published has whatever columns the first draft brings: a run
//! that made it and got no further binds nobody.
//!
//! A dropped column is still in older files, so its type stays on record in the table's own
//! configuration: should it ever come back, then as it was. That is `tierline.droppedColumns`, a
//! schema as Delta's `schemaString` writes one, with name, type and comment of each such column; a
//! table without it has lost none.

use arrow::datatypes::Schema;
use deltalake_core::DeltaResult;
use deltalake_core::kernel::engine::arrow_conversion::{TryIntoArrow, TryIntoKernel};
use deltalake_core::kernel::{Metadata, MetadataExt, StructField, StructType};

use crate::drafts::{PublishedColumns, SchemaEvolution, TableColumn, TableSpec, contract};

use super::PublishError;
use super::create::with_comments;
use super::table::Table;

/// Where the configuration keeps the columns that were dropped: a schema as Delta writes it.
const DROPPED_COLUMNS: &str = "tierline.droppedColumns";

impl Table {
    /// The same table, from which a commit may take those of `columns` that are its own.
    #[must_use]
    pub(super) fn allowing_drops(mut self, columns: &[TableColumn]) -> Self {
        let own = columns.iter().filter(|column| column.table == self.name);
        self.may_drop = own.map(|column| column.column.clone()).collect();
        self
    }

    /// The same table, for rows of an earlier time: they may lack columns that readers have got
    /// since, and have some that readers have lost.
    #[must_use]
    pub(super) fn keeping_columns(mut self) -> Self {
        self.keeps_columns = true;
        self
    }

    /// The columns that readers see, and those that were dropped.
    ///
    /// # Errors
    /// When the log holds types that Arrow does not know, or somebody else's record of dropped columns.
    pub fn columns(&self) -> Result<PublishedColumns, PublishError> {
        let dropped = self.dropped().and_then(|dropped| {
            let dropped: Schema = (&dropped).try_into_arrow()?;
            Ok(contract::normalise(&dropped))
        });
        Ok(PublishedColumns {
            shown: self.schema()?,
            dropped: dropped.map_err(|source| self.unreadable(source))?,
        })
    }

    /// How the columns change with a draft of `spec`.
    pub(super) fn schema_evolution(
        &self,
        spec: &TableSpec,
    ) -> Result<SchemaEvolution, PublishError> {
        if self.is_unbound {
            return Ok(SchemaEvolution::default());
        }
        let columns = self.columns()?;
        let evolution = match self.keeps_columns {
            true => SchemaEvolution::of_earlier_rows(&self.name, &columns, spec.schema()),
            false => SchemaEvolution::between(&self.name, &columns, spec.schema(), &self.may_drop),
        };
        Ok(evolution?)
    }

    /// The metadata of the table once it has evolved, with the description and the comments of the
    /// draft; none when nothing changes.
    pub(super) fn evolved(
        &self,
        evolution: &SchemaEvolution,
        spec: &TableSpec,
    ) -> Result<Option<Metadata>, PublishError> {
        if self.keeps_columns && !self.is_unbound && evolution.is_none() {
            return Ok(None);
        }
        let metadata = match self.is_unbound {
            true => self.metadata_of(spec),
            false => self.evolved_metadata(evolution, spec),
        };
        metadata.map_err(|source| self.unreadable(source))
    }

    fn evolved_metadata(
        &self,
        evolution: &SchemaEvolution,
        spec: &TableSpec,
    ) -> DeltaResult<Option<Metadata>> {
        let is_added =
            |field: &&StructField| evolution.added.iter().any(|new| new.name() == &field.name);
        let is_dropped = |field: &&StructField| {
            evolution
                .dropped
                .iter()
                .any(|old| old.name() == &field.name)
        };
        let shown = self.state.schema();
        let drafted: StructType = (&with_comments(spec)).try_into_kernel()?;
        let kept = shown.fields().filter(|field| !is_dropped(field));
        let kept = kept.map(|field| drafted.field(&field.name).unwrap_or(field));
        let columns = kept.chain(drafted.fields().filter(is_added));
        let columns = StructType::try_new(columns.cloned())?;
        if evolution.is_none() && columns == *shown && !self.is_described_otherwise(spec) {
            return Ok(None);
        }
        let before = self.dropped()?;
        let still_gone = before.fields().filter(|field| !is_added(field));
        let gone: Vec<StructField> = still_gone
            .chain(shown.fields().filter(is_dropped))
            .cloned()
            .collect();
        let metadata = self.described(spec)?.with_schema(&columns)?;
        if gone.is_empty() {
            return Ok(Some(metadata.remove_config_key(DROPPED_COLUMNS)?));
        }
        let gone = serde_json::to_string(&StructType::try_new(gone)?)?;
        let metadata = metadata.add_config_key(DROPPED_COLUMNS.to_owned(), gone)?;
        Ok(Some(metadata))
    }

    /// The metadata of the table with the columns of a draft and no others; none when it has
    /// exactly those, and its description.
    fn metadata_of(&self, spec: &TableSpec) -> DeltaResult<Option<Metadata>> {
        let drafted: StructType = (&with_comments(spec)).try_into_kernel()?;
        if drafted == *self.state.schema() && !self.is_described_otherwise(spec) {
            return Ok(None);
        }
        let metadata = self.described(spec)?.with_schema(&drafted)?;
        Ok(Some(metadata.remove_config_key(DROPPED_COLUMNS)?))
    }

    /// Whether a draft says of the table what its metadata does not.
    fn is_described_otherwise(&self, spec: &TableSpec) -> bool {
        let said = spec.description();
        !said.is_empty() && self.state.metadata().description() != Some(said)
    }

    /// The metadata of the table with the description of a draft, if that has one.
    fn described(&self, spec: &TableSpec) -> DeltaResult<Metadata> {
        let metadata = self.state.metadata().clone();
        match spec.description() {
            "" => Ok(metadata),
            description => Ok(metadata.with_description(description.to_owned())?),
        }
    }

    /// The columns that were dropped, as the configuration has them.
    fn dropped(&self) -> DeltaResult<StructType> {
        match self.state.metadata().configuration().get(DROPPED_COLUMNS) {
            Some(recorded) => Ok(serde_json::from_str(recorded)?),
            None => Ok(StructType::try_new([])?),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, new_null_array};
    use arrow::datatypes::{DataType, Field};
    use serde_json::{Value, json};

    use super::*;
    use crate::drafts::testing::{date, on_every_store};
    use crate::drafts::{Dating, Draft, DraftWriter, SNAPSHOT_DATE};
    use crate::ground::{Classified, FailureKind};
    use crate::publish::testing::{Fault, action, faulty, log_entry, provenance};
    use crate::storage::Location;

    on_every_store!(
        a_new_column_comes_in_the_commit_of_its_rows,
        a_changed_comment_comes_in_the_commit_of_its_rows,
        a_description_comes_in_the_commit_of_rows_and_stays,
        a_dropped_column_leaves_readers_and_stays_on_record,
        a_dropped_column_comes_back_as_it_was_or_not_at_all,
        columns_on_record_survive_a_checkpoint,
        a_retyped_column_is_refused_whatever_may_be_dropped,
    );

    const TABLE: &str = "tier_snapshot";
    const OLD: &[(&str, DataType)] = &[("user_id", DataType::Int64), ("tier", DataType::Utf8)];

    /// The table with these columns behind its date, sorted by user.
    fn spec(columns: &[(&str, DataType)]) -> Arc<TableSpec> {
        let date = Field::new(SNAPSHOT_DATE, DataType::Date32, true);
        let fields = columns.iter();
        let fields = fields.map(|(name, data_type)| Field::new(*name, data_type.clone(), true));
        let schema = Schema::new(std::iter::once(date).chain(fields).collect::<Vec<_>>());
        let spec = TableSpec::new(TABLE, &schema, Dating::EveryDate).unwrap();
        let comments = [("segment".to_owned(), "How they found us".to_owned())];
        Arc::new(spec.with_comments(comments.into()).allowing_no_rows())
    }

    /// One user on a date, with some value in every column.
    async fn draft(output: &Location, columns: &[(&str, DataType)], day: &str) -> Draft {
        let values = columns.iter().map(|(name, data_type)| {
            let values: ArrayRef = match data_type {
                DataType::Int64 => Arc::new(Int64Array::from(vec![7])),
                DataType::Utf8 => Arc::new(StringArray::from(vec!["gold"])),
                other => new_null_array(other, 1),
            };
            (*name, values, true)
        });
        let rows = RecordBatch::try_from_iter_with_nullable(values).unwrap();
        let mut writer = DraftWriter::open(output, &spec(columns), date(day)).unwrap();
        writer.write(&rows).await.unwrap();
        writer.finish().await.unwrap()
    }

    async fn published(output: &Location, columns: &[(&str, DataType)], day: &str) -> Table {
        let table = Table::open_or_create(output, &spec(columns)).await.unwrap();
        let draft = draft(output, columns, day).await;
        table.replace(draft, &provenance("a", 1)).await.unwrap()
    }

    /// Commits a draft, in which the table may lose a column.
    async fn replace_dropping(
        table: &Table,
        column: &str,
        draft: Draft,
    ) -> Result<Table, PublishError> {
        let columns = [
            format!("{TABLE}.{column}"),
            "tier_current.user_id".to_owned(),
        ];
        let columns = columns.map(|column| column.parse().unwrap());
        let table = table.clone().allowing_drops(&columns);
        table.replace(draft, &provenance("b", 2)).await
    }

    fn names(schema: &Schema) -> Vec<&str> {
        let fields = schema.fields().iter();
        fields.map(|field| field.name().as_str()).collect()
    }

    fn fields_of(entry: &[Value]) -> Value {
        let schema = action(entry, "metaData")["schemaString"].as_str().unwrap();
        let schema: Value = serde_json::from_str(schema).unwrap();
        schema["fields"].clone()
    }

    async fn a_new_column_comes_in_the_commit_of_its_rows(output: &Location) {
        let old = published(output, OLD, "2026-11-19").await;
        published(output, OLD, "2026-11-20").await;
        let new = [
            ("user_id", DataType::Int64),
            ("segment", DataType::Utf8),
            ("tier", DataType::Utf8),
        ];
        let evolved = published(output, &new, "2026-11-20").await;
        assert_eq!((old.version(), evolved.version()), (1, 3));

        let entry = log_entry(output, TABLE, 3).await;
        let comment = json!({"comment": "How they found us"});
        let of_date = json!({"comment": "the last business day that the row knows of"});
        assert_eq!(
            fields_of(&entry),
            json!([
                {"name": "snapshot_date", "type": "date", "nullable": true, "metadata": of_date},
                {"name": "user_id", "type": "long", "nullable": true, "metadata": {}},
                {"name": "tier", "type": "string", "nullable": true, "metadata": {}},
                {"name": "segment", "type": "string", "nullable": true, "metadata": comment},
            ])
        );
        let created = log_entry(output, TABLE, 0).await;
        for kept in ["id", "name", "partitionColumns", "configuration"] {
            assert_eq!(
                action(&entry, "metaData")[kept],
                action(&created, "metaData")[kept]
            );
        }
        let day = json!({"snapshot_date": "2026-11-20"});
        for kind in ["add", "remove"] {
            assert_eq!(action(&entry, kind)["partitionValues"], day);
        }
        assert!(entry.iter().all(|action| action.get("protocol").is_none()));

        let reopened = Table::open(output, TABLE).await.unwrap().unwrap();
        assert_eq!(reopened.schema().unwrap(), evolved.schema().unwrap());
        assert_eq!(reopened.paths(None).unwrap(), evolved.paths(None).unwrap());
        let before = Table::open_at(output, TABLE, 2).await.unwrap().unwrap();
        assert_eq!(before.schema().unwrap(), old.schema().unwrap());

        published(output, &new, "2026-11-21").await;
        let entry = log_entry(output, TABLE, 4).await;
        assert!(entry.iter().all(|action| action.get("metaData").is_none()));
    }

    async fn a_changed_comment_comes_in_the_commit_of_its_rows(output: &Location) {
        published(output, OLD, "2026-11-20").await;
        let spec = TableSpec::clone(&spec(OLD));
        let comments = [("tier".to_owned(), "What they are worth".to_owned())];
        let spec = Arc::new(spec.with_comments(comments.into()));
        for (day, version) in [("2026-11-21", 2), ("2026-11-22", 3)] {
            let mut writer = DraftWriter::open(output, &spec, date(day)).unwrap();
            let table = Table::open_or_create(output, &spec).await.unwrap();
            let gold: ArrayRef = Arc::new(StringArray::from(vec!["gold"]));
            let seven: ArrayRef = Arc::new(Int64Array::from(vec![7]));
            let rows = [("user_id", seven, true), ("tier", gold, true)];
            let rows = RecordBatch::try_from_iter_with_nullable(rows).unwrap();
            writer.write(&rows).await.unwrap();
            let draft = writer.finish().await.unwrap();
            let table = table.replace(draft, &provenance("a", version)).await;
            let table = table.unwrap();
            assert_eq!(table.version(), version);
            let schema = table.state.schema();
            let comment = schema.field("tier").unwrap().metadata.get("comment");
            assert_eq!(comment, Some(&"What they are worth".into()));
            // Only the commit that changes it says so.
            let entry = log_entry(output, TABLE, version).await;
            let is_told = entry.iter().any(|action| action.get("metaData").is_some());
            assert_eq!(is_told, version == 2);
        }
    }

    async fn a_description_comes_in_the_commit_of_rows_and_stays(output: &Location) {
        let undescribed = published(output, OLD, "2026-11-20").await;
        assert_eq!(undescribed.state.metadata().description(), None);
        let spec = TableSpec::clone(&spec(OLD)).with_description("Where users are.");
        let spec = Arc::new(spec);
        for (day, version) in [("2026-11-21", 2), ("2026-11-22", 3)] {
            let writer = DraftWriter::open(output, &spec, date(day)).unwrap();
            let draft = writer.finish().await.unwrap();
            let table = Table::open_or_create(output, &spec).await.unwrap();
            let table = table.replace(draft, &provenance("a", 2)).await.unwrap();
            // Without rows and without news the second is no commit.
            assert_eq!(table.version(), version.min(2));
        }
        let entry = log_entry(output, TABLE, 2).await;
        assert_eq!(
            action(&entry, "metaData")["description"],
            "Where users are."
        );
        // A draft that says nothing takes nothing away.
        let wider = [OLD, &[("segment", DataType::Utf8)]].concat();
        let wider = published(output, &wider, "2026-11-23").await;
        let kept = wider.state.metadata().description();
        assert_eq!(kept, Some("Where users are."));
    }

    async fn a_dropped_column_leaves_readers_and_stays_on_record(output: &Location) {
        let table = published(output, OLD, "2026-11-20").await;
        let narrow = || draft(output, &OLD[..1], "2026-11-20");
        let error = table.replace(narrow().await, &provenance("b", 2)).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Blocked);
        assert_eq!(
            error.to_string(),
            "table `tier_snapshot`: column `tier` (VARCHAR) is missing, and readers rely on it; select it again, or run it again with `--drop-columns tier_snapshot.tier`"
        );
        let unchanged = Table::open(output, TABLE).await.unwrap().unwrap();
        assert_eq!(unchanged.version(), 1);

        let dropped = replace_dropping(&table, "tier", narrow().await).await;
        let dropped = dropped.unwrap();
        let columns = dropped.columns().unwrap();
        assert_eq!(names(&columns.shown), ["snapshot_date", "user_id"]);
        assert_eq!(names(&columns.dropped), ["tier"]);
        let again = published(output, &OLD[..1], "2026-11-20").await;
        assert_eq!(again.columns().unwrap(), columns);
    }

    async fn a_dropped_column_comes_back_as_it_was_or_not_at_all(output: &Location) {
        let table = published(output, OLD, "2026-11-19").await;
        let narrow = draft(output, &OLD[..1], "2026-11-20").await;
        let dropped = replace_dropping(&table, "tier", narrow).await.unwrap();

        let otherwise = [("user_id", DataType::Int64), ("tier", DataType::Int64)];
        let otherwise = draft(output, &otherwise, "2026-11-20").await;
        let refused = dropped.replace(otherwise, &provenance("c", 3)).await;
        assert_eq!(
            refused.unwrap_err().to_string(),
            "table `tier_snapshot`: column `tier` was VARCHAR when it was dropped, older files still have it with that type, and it would now return as BIGINT; cast it to what it was, or give it a new name"
        );
        let back = published(output, OLD, "2026-11-20").await;
        let columns = back.columns().unwrap();
        assert_eq!(names(&columns.shown), ["snapshot_date", "user_id", "tier"]);
        assert_eq!(names(&columns.dropped), Vec::<&str>::new());
    }

    async fn columns_on_record_survive_a_checkpoint(output: &Location) {
        let table = published(output, OLD, "2026-11-20").await;
        let other = [("user_id", DataType::Int64), ("spent", DataType::Int64)];
        let other = draft(output, &other, "2026-11-20").await;
        let evolved = replace_dropping(&table, "tier", other).await.unwrap();
        evolved.committed().checkpoint().await.unwrap();
        let reopened = Table::open(output, TABLE).await.unwrap().unwrap();
        let columns = reopened.columns().unwrap();
        assert_eq!(columns, evolved.columns().unwrap());
        assert_eq!(names(&columns.shown), ["snapshot_date", "user_id", "spent"]);
        assert_eq!(names(&columns.dropped), ["tier"]);
    }

    async fn a_retyped_column_is_refused_whatever_may_be_dropped(output: &Location) {
        let table = published(output, OLD, "2026-11-20").await;
        let retyped = [("user_id", DataType::Int64), ("tier", DataType::Int64)];
        let retyped = draft(output, &retyped, "2026-11-20").await;
        let refused = replace_dropping(&table, "tier", retyped).await;
        assert_eq!(
            refused.unwrap_err().to_string(),
            "table `tier_snapshot`: column `tier` is VARCHAR to readers and in older files and would become BIGINT; cast it back, or give it a new name and drop the old one with `--drop-columns tier_snapshot.tier`"
        );
    }

    /// Adds a column to a table without rows, by a draft without rows.
    async fn evolved_despite(fault: Fault) -> Result<Table, PublishError> {
        let (store, output) = faulty();
        let table = Table::open_or_create(&output, &spec(&OLD[..1])).await;
        let writer = DraftWriter::open(&output, &spec(OLD), date("2026-11-20"));
        let draft = writer.unwrap().finish().await.unwrap();
        store.arm(fault);
        table.unwrap().replace(draft, &provenance("b", 2)).await
    }

    #[tokio::test]
    async fn a_commit_without_files_is_told_by_its_entry() {
        let evolved = evolved_despite(Fault::AnswerLost).await.unwrap();
        let shown = evolved.schema().unwrap();
        assert_eq!(names(&shown), ["snapshot_date", "user_id", "tier"]);
        let error = evolved_despite(Fault::NotStored).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot tell whether version 1 of table `tier_snapshot` will be there: the store failed to write it and does not have it now, but a request that timed out may still arrive; run it again, it goes by what is there then"
        );
    }
}
