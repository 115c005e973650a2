//! Writes a draft: batches go in, and files that no reader sees come out.
//!
//! 1. Each batch takes the form of the files, or is refused ([`rows`](super::rows)).
//! 2. Rows go to one file until it is large enough; the next starts with a row group of its own
//!    ([`files`](super::files)).
//! 3. [`DraftWriter::finish`] completes them; [`DraftWriter::abandon`] removes them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::StreamExt;

use super::files::{FileShape, Files};
use super::rows::RowForm;
use super::{Draft, DraftError, TableSpec};
use crate::ground::SnapshotDate;
use crate::storage::Location;

/// Takes the rows of one table for one run, and ends in a [`Draft`] or in nothing.
///
/// After an error the writer is good for [`abandon`](Self::abandon) only. A writer that is merely
/// dropped may leave an upload that nothing but the bucket's own rules will remove.
pub(crate) struct DraftWriter {
    output: Location,
    spec: Arc<TableSpec>,
    date: Option<SnapshotDate>,
    form: RowForm,
    files: Files,
}

impl DraftWriter {
    /// Starts a draft of a table; nothing is stored before the first rows. The date of the run
    /// does not matter to an undated table.
    ///
    /// # Errors
    /// [`DraftError::Write`] when the table's path is none that files can be written to.
    pub(crate) fn open(
        output: &Location,
        spec: &Arc<TableSpec>,
        date: SnapshotDate,
    ) -> Result<Self, DraftError> {
        Self::open_beside(1, output, spec, date)
    }

    /// As [`open`](Self::open), one of so many writers that are open at once: together they hold as many rows
    /// in memory as one.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn open_beside(
        writers: usize,
        output: &Location,
        spec: &Arc<TableSpec>,
        date: SnapshotDate,
    ) -> Result<Self, DraftError> {
        Self::open_shaped(output, spec, date, FileShape::of_one_of(writers))
    }

    fn open_shaped(
        output: &Location,
        spec: &Arc<TableSpec>,
        date: SnapshotDate,
        shape: FileShape,
    ) -> Result<Self, DraftError> {
        let date = Some(date).filter(|_| spec.dating().is_partitioned());
        Ok(Self {
            output: output.clone(),
            spec: Arc::clone(spec),
            date,
            form: RowForm::new(spec, date)?,
            files: Files::create(output, spec, date, shape)?,
        })
    }

    /// Adds the rows of a batch, whose columns are the table's in any order; the date may be
    /// among them or not.
    ///
    /// # Errors
    /// When the rows are not of this table or date, not in its order, or could not be stored.
    pub(crate) async fn write(&mut self, batch: &RecordBatch) -> Result<(), DraftError> {
        let rows = self.form.take(batch)?;
        self.files.write(&rows).await
    }

    /// Adds all rows of a query and completes the draft.
    ///
    /// # Errors
    /// As [`write`](Self::write) and [`finish`](Self::finish), and [`DraftError::Query`] when the
    /// query fails; in every case nothing is left behind.
    pub(crate) async fn write_all(
        mut self,
        rows: SendableRecordBatchStream,
    ) -> Result<Draft, DraftError> {
        match self.drain(rows).await {
            Ok(()) => self.finish().await,
            Err(failure) => {
                self.abandon().await;
                Err(failure)
            }
        }
    }

    async fn drain(&mut self, mut rows: SendableRecordBatchStream) -> Result<(), DraftError> {
        while let Some(batch) = rows.next().await {
            let batch = batch.map_err(|source| DraftError::Query {
                table: self.spec.name().to_owned(),
                source: source.into(),
            })?;
            self.write(&batch).await?;
        }
        Ok(())
    }

    /// Completes the last file. A draft without rows has no files.
    ///
    /// # Errors
    /// [`DraftError::Write`] when a file could not be completed; then nothing is left behind.
    pub(crate) async fn finish(self) -> Result<Draft, DraftError> {
        let additions = self.files.close().await?;
        Ok(Draft::new(&self.output, self.spec, self.date, additions))
    }

    /// Removes whatever was written. What the store does not remove is in no table, only in the
    /// way, and is logged.
    pub(crate) async fn abandon(self) {
        if let Err(error) = self.files.abort().await {
            tracing::warn!(%error, "could not delete the files of an abandoned draft");
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        ArrayRef, Date32Array, Decimal128Array, DictionaryArray, Float64Array, Int64Array,
        StringArray, StringViewArray,
    };
    use arrow::datatypes::{DataType, Field, Int32Type, Schema};
    use datafusion::error::DataFusionError;
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
    use object_store::ObjectStoreExt;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use object_store::path::Path;

    use super::*;
    use crate::drafts::Dating;
    use crate::drafts::testing::{self, date, draft, objects, on_every_store, rows, tiers};
    use crate::ground::Classified;

    on_every_store!(
        a_draft_is_parquet_without_its_date,
        a_draft_without_rows_has_no_files,
        an_abandoned_draft_leaves_no_object,
        a_failing_query_leaves_no_object,
        a_discarded_draft_leaves_no_object,
        a_copy_has_the_same_rows_in_another_table,
        a_copy_to_other_columns_is_refused,
        a_large_draft_has_several_files_of_whole_row_groups,
    );

    async fn read(output: &Location, path: &Path) -> RecordBatch {
        let bytes = output.store.get(path).await.unwrap().bytes().await.unwrap();
        let file = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
        file.build().unwrap().next().unwrap().unwrap()
    }

    async fn a_draft_is_parquet_without_its_date(output: &Location) {
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let draft = draft(output, &spec, "2026-11-20", &[(1, "gold"), (2, "new")]).await;
        assert_eq!((draft.rows(), draft.files().len()), (2, 1));
        let file = &draft.files()[0];
        assert_eq!(
            read(output, &file.path).await,
            rows(&[(1, "gold"), (2, "new")])
        );
        let size = output.store.head(&file.path).await.unwrap().size;
        assert_eq!((file.rows, file.size_bytes), (2, size));
        let [object] = &objects(output).await[..] else {
            panic!("one object")
        };
        assert!(object.starts_with("tables/tier_snapshot/snapshot_date=2026-11-20/"));
        assert!(object.ends_with(".zstd.parquet"));
    }

    async fn a_draft_without_rows_has_no_files(output: &Location) {
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let draft = draft(output, &spec, "2026-11-20", &[]).await;
        assert_eq!((draft.rows(), draft.files().len()), (0, 0));
        assert_eq!(objects(output).await, Vec::<String>::new());
    }

    const MANY: i64 = 600_000;

    /// More than one row group of rows that hardly compress, so that an upload has begun.
    fn many_rows() -> RecordBatch {
        let scattered = |row: i64| row.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed());
        let user_ids = (0..MANY).map(scattered);
        let user_ids: ArrayRef = Arc::new(Int64Array::from_iter_values(user_ids));
        let tiers: ArrayRef = Arc::new(StringArray::from_iter_values(
            (0..MANY).map(|row| scattered(row).to_string()),
        ));
        RecordBatch::try_from_iter([("user_id", user_ids), ("tier", tiers)]).unwrap()
    }

    async fn an_abandoned_draft_leaves_no_object(output: &Location) {
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let mut writer = DraftWriter::open(output, &spec, date("2026-11-20")).unwrap();
        writer.write(&many_rows()).await.unwrap();
        writer.abandon().await;
        assert_eq!(objects(output).await, Vec::<String>::new());
    }

    async fn a_failing_query_leaves_no_object(output: &Location) {
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let batches = [
            Ok(many_rows()),
            Err(DataFusionError::Execution("out of disk".to_owned())),
        ];
        let query =
            RecordBatchStreamAdapter::new(many_rows().schema(), futures::stream::iter(batches));
        let writer = DraftWriter::open(output, &spec, date("2026-11-20")).unwrap();
        let error = writer.write_all(Box::pin(query)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot compute the rows of table `tier_snapshot`"
        );
        assert_eq!(objects(output).await, Vec::<String>::new());
    }

    async fn a_discarded_draft_leaves_no_object(output: &Location) {
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let draft = draft(output, &spec, "2026-11-20", &[(1, "gold")]).await;
        draft.discard(output).await.unwrap();
        assert_eq!(objects(output).await, Vec::<String>::new());
        draft.discard(output).await.unwrap();
    }

    async fn a_copy_has_the_same_rows_in_another_table(output: &Location) {
        let snapshot = tiers("tier_snapshot", Dating::EveryDate);
        let current = tiers("tier_current", Dating::NewestDate);
        let original = draft(output, &snapshot, "2026-11-20", &[(1, "gold")]).await;
        let copy = original.copy_as(output, &current).await.unwrap();
        original.discard(output).await.unwrap();
        assert_eq!(
            (copy.spec(), copy.date()),
            (&current, Some(date("2026-11-20")))
        );
        assert_eq!(
            read(output, &copy.files()[0].path).await,
            rows(&[(1, "gold")])
        );
        assert_eq!(copy.rows(), 1);
    }

    async fn a_copy_to_other_columns_is_refused(output: &Location) {
        let snapshot = tiers("tier_snapshot", Dating::EveryDate);
        let undated = tiers("tier_current", Dating::Undated);
        let original = draft(output, &snapshot, "2026-11-20", &[(1, "gold")]).await;
        let error = original.copy_as(output, &undated).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "table `tier_current`: column `snapshot_date` (DATE) is missing, and readers rely on it; select it again"
        );
    }

    async fn a_large_draft_has_several_files_of_whole_row_groups(output: &Location) {
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let shape = FileShape {
            row_group_rows: 4,
            file_bytes: 1,
        };
        let mut writer =
            DraftWriter::open_shaped(output, &spec, date("2026-11-20"), shape).unwrap();
        for first in [0, 5] {
            let users: Vec<_> = (first..first + 5).map(|user_id| (user_id, "new")).collect();
            writer.write(&rows(&users)).await.unwrap();
        }
        let draft = writer.finish().await.unwrap();
        let counts: Vec<_> = draft.files().iter().map(|file| file.rows).collect();
        assert_eq!((draft.rows(), counts), (10, vec![4, 4, 2]));
        let second = read(output, &draft.files()[1].path).await;
        assert_eq!(
            second,
            rows(&[(4, "new"), (5, "new"), (6, "new"), (7, "new")])
        );
        draft.discard(output).await.unwrap();
        assert_eq!(objects(output).await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn files_claim_the_order_that_their_rows_are_held_to() {
        let output = testing::in_memory();
        let spec = TableSpec::clone(&tiers("tier_snapshot", Dating::EveryDate));
        let spec = Arc::new(spec.sorted_by(&["user_id", "tier"]).unwrap());
        let mut writer = DraftWriter::open(&output, &spec, date("2026-11-20")).unwrap();
        writer
            .write(&rows(&[(1, "gold"), (2, "gold")]))
            .await
            .unwrap();
        writer
            .write(&rows(&[(2, "gold"), (2, "new")]))
            .await
            .unwrap();
        let draft = writer.finish().await.unwrap();
        let bytes = output.store.get(&draft.files()[0].path).await.unwrap();
        let file = ParquetRecordBatchReaderBuilder::try_new(bytes.bytes().await.unwrap());
        let claimed = file
            .unwrap()
            .metadata()
            .row_group(0)
            .sorting_columns()
            .cloned();
        let claimed = claimed.unwrap().into_iter().map(|column| column.column_idx);
        assert_eq!(claimed.collect::<Vec<_>>(), [0, 1]);
    }

    #[tokio::test]
    async fn rows_in_another_order_are_refused() {
        let output = testing::in_memory();
        let spec = TableSpec::clone(&tiers("tier_snapshot", Dating::EveryDate));
        let spec = Arc::new(spec.sorted_by(&["user_id"]).unwrap());
        let unsorted = [
            vec![rows(&[(2, "gold"), (1, "gold")])],
            vec![
                rows(&[(1, "gold"), (2, "gold")]),
                rows(&[]),
                rows(&[(1, "gold")]),
            ],
        ];
        for batches in unsorted {
            let mut writer = DraftWriter::open(&output, &spec, date("2026-11-20")).unwrap();
            let mut answer = Ok(());
            for batch in &batches {
                answer = writer.write(batch).await;
            }
            assert_eq!(
                answer.unwrap_err().to_string(),
                "the rows of table `tier_snapshot` are not in the order of user_id; add an ORDER BY"
            );
        }
    }

    #[test]
    fn an_order_by_the_date_is_refused() {
        let spec = TableSpec::clone(&tiers("tier_snapshot", Dating::EveryDate));
        assert_eq!(
            spec.sorted_by(&["snapshot_date"]).unwrap_err().to_string(),
            "table `tier_snapshot` cannot be sorted by `snapshot_date`, which its files do not hold; sort by a column they hold"
        );
    }

    fn days(days: &[Option<i32>]) -> ArrayRef {
        Arc::new(Date32Array::from(days.to_vec()))
    }

    /// What a writer for 1970-01-11 says to one row of these columns.
    async fn refusal(columns: Vec<(&str, ArrayRef)>) -> String {
        let output = testing::in_memory();
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let mut writer = DraftWriter::open(&output, &spec, date("1970-01-11")).unwrap();
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let error = writer.write(&batch).await.unwrap_err();
        assert_eq!(error.kind(), crate::ground::FailureKind::Blocked);
        error.to_string()
    }

    #[tokio::test]
    async fn rows_of_another_date_are_refused() {
        let user_id: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let tier: ArrayRef = Arc::new(StringArray::from(vec!["new", "gold"]));
        for (second_day, found) in [(Some(11), "1970-01-12"), (None, "NULL")] {
            let message = refusal(vec![
                ("user_id", Arc::clone(&user_id)),
                ("tier", Arc::clone(&tier)),
                ("snapshot_date", days(&[Some(10), second_day])),
            ])
            .await;
            assert_eq!(
                message,
                format!(
                    "a draft of table `tier_snapshot` for 1970-01-11 was given rows whose snapshot_date is {found}; select the date of the run"
                )
            );
        }
    }

    #[tokio::test]
    async fn rows_with_other_columns_are_refused() {
        let user_id: ArrayRef = Arc::new(StringArray::from(vec!["1"]));
        let tier: ArrayRef = Arc::new(StringArray::from(vec!["new"]));
        assert_eq!(
            refusal(vec![("user_id", user_id), ("tier", tier)]).await,
            "table `tier_snapshot`: column `user_id` is BIGINT to readers and would become VARCHAR; cast it back"
        );
    }

    #[tokio::test]
    async fn batches_of_any_form_end_in_one_file() {
        let output = testing::in_memory();
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let mut writer = DraftWriter::open(&output, &spec, date("1970-01-11")).unwrap();
        let views: ArrayRef = Arc::new(StringViewArray::from(vec!["gold"]));
        let codes: DictionaryArray<Int32Type> = vec!["new"].into_iter().collect();
        let user = |user_id| -> ArrayRef { Arc::new(Int64Array::from(vec![user_id])) };
        let dated = [
            ("tier", views),
            ("user_id", user(1)),
            ("snapshot_date", days(&[Some(10)])),
        ];
        let undated = [("user_id", user(2)), ("tier", Arc::new(codes) as ArrayRef)];
        writer
            .write(&RecordBatch::try_from_iter(dated).unwrap())
            .await
            .unwrap();
        writer
            .write(&RecordBatch::try_from_iter(undated).unwrap())
            .await
            .unwrap();
        let draft = writer.finish().await.unwrap();
        let [file] = draft.files() else {
            panic!("one file")
        };
        assert_eq!(
            read(&output, &file.path).await,
            rows(&[(1, "gold"), (2, "new")])
        );
    }

    #[tokio::test]
    async fn bounds_that_a_double_would_round_are_not_in_the_log() {
        let output = testing::in_memory();
        let amounts = |precision| -> ArrayRef {
            let amount = Decimal128Array::from(vec![123_456_789_012_345]);
            Arc::new(amount.with_precision_and_scale(precision, 2).unwrap())
        };
        let columns = [("narrow", amounts(15)), ("wide", amounts(38))];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let spec = TableSpec::new("revenue", &batch.schema(), Dating::Undated).unwrap();
        let mut writer = DraftWriter::open(&output, &Arc::new(spec), date("1970-01-11")).unwrap();
        writer.write(&batch).await.unwrap();
        let draft = writer.finish().await.unwrap();
        let statistics = draft.additions().next().unwrap().stats.as_deref().unwrap();
        let statistics: serde_json::Value = serde_json::from_str(statistics).unwrap();
        assert_eq!(
            statistics["maxValues"],
            serde_json::json!({"narrow": 1_234_567_890_123.45})
        );
    }

    #[tokio::test]
    async fn the_log_has_bounds_of_what_a_table_is_sorted_by() {
        let output = testing::in_memory();
        let spec = TableSpec::clone(&tiers("tier_snapshot", Dating::EveryDate));
        let spec = Arc::new(spec.sorted_by(&["user_id"]).unwrap());
        let draft = draft(&output, &spec, "2026-11-20", &[(1, "gold"), (2, "new")]).await;
        let statistics = draft.additions().next().unwrap().stats.as_deref().unwrap();
        let statistics: serde_json::Value = serde_json::from_str(statistics).unwrap();
        assert_eq!(
            (&statistics["minValues"], &statistics["maxValues"]),
            (
                &serde_json::json!({"user_id": 1}),
                &serde_json::json!({"user_id": 2})
            )
        );
    }

    #[tokio::test]
    async fn keys_money_and_ratios_have_no_dictionary() {
        let output = testing::in_memory();
        let number = |value| -> ArrayRef { Arc::new(Int64Array::from(vec![value])) };
        let money = Decimal128Array::from(vec![1_234]).with_precision_and_scale(18, 2);
        let columns: [(&str, ArrayRef); 4] = [
            ("user_id", number(1)),
            ("orders", number(2)),
            ("revenue", Arc::new(money.unwrap())),
            ("rate", Arc::new(Float64Array::from(vec![0.5]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let spec = TableSpec::new("buyers", &batch.schema(), Dating::Undated).unwrap();
        let spec = spec.sorted_by(&["user_id"]).unwrap();
        let mut writer = DraftWriter::open(&output, &Arc::new(spec), date("1970-01-11")).unwrap();
        writer.write(&batch).await.unwrap();
        let draft = writer.finish().await.unwrap();
        let file = output.store.get(&draft.files()[0].path).await.unwrap();
        let file = ParquetRecordBatchReaderBuilder::try_new(file.bytes().await.unwrap()).unwrap();
        let columns = file.metadata().row_group(0).columns().iter();
        let has_dictionary: Vec<bool> = columns
            .map(|column| column.dictionary_page_offset().is_some())
            .collect();
        assert_eq!(has_dictionary, [false, true, false, false]);
    }

    #[tokio::test]
    async fn an_undated_table_keeps_a_date_that_is_data() {
        let output = testing::in_memory();
        let columns = vec![Field::new("snapshot_date", DataType::Date32, true)];
        let spec = TableSpec::new("calendar", &Schema::new(columns), Dating::Undated).unwrap();
        let mut writer = DraftWriter::open(&output, &Arc::new(spec), date("1970-01-11")).unwrap();
        let batch = RecordBatch::try_from_iter([("snapshot_date", days(&[Some(1), None]))]);
        writer.write(&batch.unwrap()).await.unwrap();
        let draft = writer.finish().await.unwrap();
        assert_eq!((draft.rows(), draft.date()), (2, None));
    }
}
