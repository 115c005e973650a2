//! What is exported.

use datafusion::arrow::datatypes::{Field, Schema};

use crate::ground::SnapshotDate;
use crate::tiles::USER_ID;

use super::encoder::Form;

/// What the engine was doing when it failed.
pub(super) const STAGE: &str = "exporting a table";

/// What is exported, and how.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// A published table.
    pub table: &'a str,
    /// The published date; the newest where none is given.
    pub date: Option<SnapshotDate>,
    /// The first date whose rows are exported, with those of all published dates from there on to the date;
    /// of the date alone where there is none.
    pub from: Option<SnapshotDate>,
    /// What holds of the rows, in SQL over the columns of the table and, where it has users, those of their
    /// snapshot; all of them where there is none.
    pub condition: Option<&'a str>,
    /// The columns, in their order, of the snapshot too; those of the table where there are none.
    pub columns: &'a [String],
    /// Columns that the rows are ordered by before the key, each followed by ` desc` where the largest come
    /// first.
    pub order_by: &'a [String],
    /// The column of whose values each has a file.
    pub split_by: Option<&'a str>,
    /// How many rows each file has at most, the first of them in their order.
    pub limit: Option<u64>,
    /// What the files are like.
    pub form: Form,
}

impl<'a> Request<'a> {
    /// Whether it names columns that the snapshot has and the table has not. A word of a condition may be a
    /// text; then nothing is lost but time.
    pub(super) fn asks_besides(&self, own: &Schema, snapshot: &Schema) -> bool {
        let condition = self.condition.unwrap_or_default();
        let words =
            condition.split(|character: char| !character.is_alphanumeric() && character != '_');
        let asked = self.columns.iter().map(String::as_str);
        let ordered = self.order().map(|(column, _)| column);
        let asked = asked.chain(ordered).chain(self.split_by).chain(words);
        let asked: Vec<&str> = asked.collect();
        let mut besides = besides(own, snapshot);
        besides.any(|column| asked.iter().any(|word| word.eq_ignore_ascii_case(column)))
    }

    /// The columns of the order, and whether the least of each come first.
    pub(super) fn order(&self) -> impl Iterator<Item = (&'a str, bool)> + Clone + use<'a> {
        self.order_by.iter().map(|column| {
            let column = column.trim();
            match column.rsplit_once(char::is_whitespace) {
                Some((column, last)) if last.eq_ignore_ascii_case("desc") => {
                    (column.trim_end(), false)
                }
                Some((column, last)) if last.eq_ignore_ascii_case("asc") => {
                    (column.trim_end(), true)
                }
                _ => (column, true),
            }
        })
    }
}

/// The columns that the snapshot has besides those of a table of users.
pub(super) fn besides<'a>(
    own: &'a Schema,
    snapshot: &'a Schema,
) -> impl Iterator<Item = &'a str> + Clone {
    // Users of another type are others'.
    let type_of = |schema: &'a Schema| schema.field_with_name(USER_ID).map(Field::data_type);
    let has_users =
        matches!((type_of(own), type_of(snapshot)), (Ok(own), Ok(users)) if own == users);
    let names = snapshot.fields().iter().map(|field| field.name().as_str());
    names.filter(move |name| has_users && own.index_of(name).is_err())
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::DataType;

    use super::super::encoder::Format;
    use super::*;

    fn schema(columns: &[&str]) -> Schema {
        let fields = columns.iter();
        let fields = fields.map(|name| Field::new(*name, DataType::Utf8, true));
        Schema::new(fields.collect::<Vec<_>>())
    }

    #[test]
    fn the_snapshot_is_read_where_a_column_of_it_is_named() {
        let snapshot = schema(&["user_id", "value_tier", "city"]);
        let asks = |table: &[&str], condition: Option<&str>, columns: &[&str]| {
            let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
            let request = Request {
                table: "actions",
                date: None,
                from: None,
                condition,
                columns: &columns,
                order_by: &[],
                split_by: None,
                limit: None,
                form: Form {
                    format: Format::Json,
                    has_bom: false,
                    escapes_formulas: false,
                },
            };
            request.asks_besides(&schema(table), &snapshot)
        };
        let actions = ["user_id", "action"];
        assert!(!asks(&actions, None, &[]));
        assert!(!asks(&actions, Some("action = 'recall'"), &["user_id"]));
        assert!(asks(&actions, Some("lower(City) = 'shanghai'"), &[]));
        assert!(asks(&actions, None, &["user_id", "value_tier"]));
        assert!(!asks(&["dimension"], None, &["value_tier"]));
    }
}
