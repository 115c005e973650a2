//! What a published table is: its name, its columns, and which rows a publication replaces.

use std::collections::BTreeMap;

use arrow::datatypes::{Fields, Schema, SchemaRef};

use super::contract::{self, ContractError};
use crate::tables::{Dating, PublishedTable, SNAPSHOT_DATE};

/// What that column means where a table says nothing else.
const SNAPSHOT_DATE_COMMENT: &str = "the last business day that the row knows of";

/// A published table, known to keep the [`contract`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpec {
    name: String,
    schema: SchemaRef,
    dating: Dating,
    sort_columns: Vec<String>,
    comments: BTreeMap<String, String>,
    description: String,
    may_be_empty: bool,
}

impl TableSpec {
    /// A table of these columns, in their plain form. It has no order, no comments and no
    /// description yet and,
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
            description: String::new(),
            may_be_empty: false,
        })
    }

    /// A table of the list with these columns, the date among them where it has one, and with the
    /// description and the comments that the list has.
    ///
    /// # Errors
    /// Everything about the schema that breaks the contract.
    pub fn of(table: &PublishedTable, schema: &Schema) -> Result<Self, ContractError> {
        let spec = Self::new(table.name, schema, table.dating)?;
        let spec = spec
            .sorted_by(table.sorted_by)?
            .with_comments(table.comments())
            .with_description(table.description);
        Ok(match table.may_be_empty {
            true => spec.allowing_no_rows(),
            false => spec,
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

    /// The same table, of which readers are told this.
    #[must_use]
    pub fn with_description(mut self, description: &str) -> Self {
        description.clone_into(&mut self.description);
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

    /// The columns as files store them: without the date when it partitions the table.
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

    /// What readers are told of the table; empty where that is nothing.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Whether a publication without rows is no mistake.
    pub fn may_be_empty(&self) -> bool {
        self.may_be_empty
    }
}
