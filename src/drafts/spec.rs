//! What a published table is: its name, its columns, and which rows a publication replaces.

use std::collections::BTreeMap;

use arrow::datatypes::{Fields, Schema, SchemaRef};

use super::contract::{self, ContractError};
use crate::ground::SnapshotDate;

/// The column that partitions every dated table.
pub const SNAPSHOT_DATE: &str = "snapshot_date";

/// What that column means where a table says nothing else.
const SNAPSHOT_DATE_COMMENT: &str = "the last business day that the row knows of";

/// How a table relates to snapshot dates.
///
/// | | partitioned by `snapshot_date` | a publication replaces |
/// |---|---|---|
/// | `EveryDate` | yes | the rows of its own date |
/// | `NewestDate` | yes | every row, so that only its own date remains |
/// | `Undated` | no | every row |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dating {
    /// Keeps the rows of every date: `tier_snapshot`.
    EveryDate,
    /// Keeps the rows of the newest date alone: `tier_current`.
    NewestDate,
    /// Keeps rows that belong to no date: `dim_tier`.
    Undated,
}

impl Dating {
    /// Whether the date is a partition value, and so in no file.
    pub fn is_partitioned(self) -> bool {
        self != Self::Undated
    }

    /// The date whose rows a publication of `date` replaces; none when it replaces every row.
    pub fn replaced_by(self, date: Option<SnapshotDate>) -> Option<SnapshotDate> {
        date.filter(|_| self == Self::EveryDate)
    }
}

/// A published table, known to keep the [`contract`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpec {
    name: String,
    schema: SchemaRef,
    dating: Dating,
    sort_columns: Vec<String>,
    comments: BTreeMap<String, String>,
    may_be_empty: bool,
}

impl TableSpec {
    /// A table of these columns, in their plain form. It has no order and no comments yet and,
    /// until [`allowing_no_rows`](Self::allowing_no_rows), may not be empty.
    ///
    /// # Errors
    /// Everything about the schema that breaks the contract.
    pub fn new(name: &str, schema: &Schema, dating: Dating) -> Result<Self, ContractError> {
        let schema = contract::normalise(schema);
        contract::check(name, &schema, dating)?;
        Ok(Self {
            name: name.to_owned(),
            schema: schema.into(),
            dating,
            sort_columns: Vec::new(),
            comments: BTreeMap::new(),
            may_be_empty: false,
        })
    }

    /// The same table with its rows in ascending order of `columns`, NULL first. Files claim this
    /// order, so rows that come in another are refused.
    ///
    /// # Errors
    /// When files do not hold such a column.
    pub fn sorted_by(mut self, columns: &[&str]) -> Result<Self, ContractError> {
        contract::check_order(&self.name, &self.file_schema(), columns)?;
        self.sort_columns = columns.iter().map(|column| (*column).to_owned()).collect();
        Ok(self)
    }

    /// The same table with a comment per column; comments of other columns are dropped, and a
    /// date has one in any case.
    #[must_use]
    pub fn with_comments(mut self, comments: BTreeMap<String, String>) -> Self {
        self.comments = comments;
        let of_date = self.comments.entry(SNAPSHOT_DATE.to_owned());
        of_date.or_insert_with(|| SNAPSHOT_DATE_COMMENT.to_owned());
        self.comments
            .retain(|column, _| self.schema.field_with_name(column).is_ok());
        self
    }

    /// The same table, for which a publication without rows is no mistake.
    #[must_use]
    pub fn allowing_no_rows(mut self) -> Self {
        self.may_be_empty = true;
        self
    }

    /// The table's name, which is also its folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All columns as readers see them, the date included.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The columns as files hold them: without the date when it partitions the table.
    pub fn file_schema(&self) -> SchemaRef {
        let fields = self.schema.fields().iter();
        let in_files =
            fields.filter(|field| !self.dating.is_partitioned() || field.name() != SNAPSHOT_DATE);
        Schema::new(in_files.cloned().collect::<Fields>()).into()
    }

    /// How the table relates to snapshot dates.
    pub fn dating(&self) -> Dating {
        self.dating
    }

    /// The columns whose order every file has; none when rows are in no order.
    pub fn sort_columns(&self) -> &[String] {
        &self.sort_columns
    }

    /// What the columns mean, by column.
    pub fn comments(&self) -> &BTreeMap<String, String> {
        &self.comments
    }

    /// Whether a publication without rows is no mistake.
    pub fn may_be_empty(&self) -> bool {
        self.may_be_empty
    }
}
