//! What fingerprints are made of for models and reference files.
//!
//! | of | labels, in their order |
//! |---|---|
//! | a model | `table`, `sql` in its [canonical text](super::canonical), `parameter` for each that it names |
//! | a parameter | `name`, its [value](crate::job::encodings) |
//! | a reference file | `table`, `column` for each, then row by row `value` for each value that is not NULL, and an empty `null` for the others |

use crate::ground::Fingerprint;
use crate::job::encodings::of_parameter;

use super::{Model, Parameters, ReferenceTable};

impl Model {
    /// The statement with the values of the parameters that it names. Those without a value are
    /// given by the night, and belong to what it depends on.
    pub fn fingerprint(&self, parameters: &Parameters) -> Fingerprint {
        self.fingerprint_of(&self.canonical_sql(), parameters)
    }

    /// The same of a part of the statement, in canonical text.
    pub(crate) fn fingerprint_of(&self, sql: &str, parameters: &Parameters) -> Fingerprint {
        let named = self.parameters();
        let named = named.iter().filter_map(|name| {
            let value = parameters.get(name)?;
            let is_named = sql
                .split(' ')
                .any(|token| token.strip_prefix('$') == Some(name));
            let named = Fingerprint::builder().part("name", name);
            is_named.then(|| named.nested("value", &of_parameter(value)).finish())
        });
        Fingerprint::builder()
            .part("table", &self.name.to_string())
            .part("sql", sql)
            .parts("parameter", named)
            .finish()
    }
}

impl ReferenceTable {
    /// Its rows, whatever the form of the file.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint_of(|_| true)
    }

    /// The same of some columns.
    pub(crate) fn fingerprint_of(&self, counts: impl Fn(&str) -> bool) -> Fingerprint {
        let schema = self.rows.schema();
        let columns = schema.fields().iter().enumerate();
        let columns = columns.filter(|(_, field)| counts(field.name()));
        let (columns, names): (Vec<usize>, Vec<&String>) =
            columns.map(|(index, field)| (index, field.name())).unzip();
        let mut builder = Fingerprint::builder()
            .part("table", &self.name.to_string())
            .parts("column", names);
        for row in 0..self.rows.num_rows() {
            for column in &columns {
                builder = match self.value(row, *column) {
                    Some(value) => builder.part("value", &value),
                    None => builder.part("null", ""),
                };
            }
        }
        builder.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::SourceFile;
    use crate::job::ParameterValue;

    fn model(sql: &str) -> Model {
        let name = "features.users".parse().unwrap();
        Model::parse(name, SourceFile::new("features/users.sql", sql)).unwrap()
    }

    fn parameters(least: i64, other: i64) -> Parameters {
        let parameters = Parameters::default();
        let parameters = parameters.with("least", ParameterValue::Integer(least));
        parameters.with("other", ParameterValue::Integer(other))
    }

    const SQL: &str = "SELECT user_id FROM staging.orders WHERE amount > $least";

    /// A change of these needs another version number wherever they are a part.
    #[test]
    fn what_is_hashed_stays_what_it_was() {
        let bands = SourceFile::new("value_tiers.csv", "value_tier,rank\ngold,1\n");
        let bands = ReferenceTable::read("reference.value_tiers".parse().unwrap(), bands).unwrap();
        let found = [
            model(SQL).fingerprint(&parameters(1, 2)),
            bands.fingerprint(),
        ];
        let found: Vec<&str> = found.iter().map(Fingerprint::short).collect();
        insta::assert_snapshot!(found.join("\n"), @"
        de1a2af0a0c4
        21997cbd9b3d
        ");
    }

    #[test]
    fn spelling_and_parameters_that_no_model_names_are_no_part_of_it() {
        let found = model(SQL).fingerprint(&parameters(1, 2));
        let spelled = SQL.replace("SELECT", "-- all\nselect  ");
        assert_eq!(model(&spelled).fingerprint(&parameters(1, 2)), found);
        assert_eq!(model(SQL).fingerprint(&parameters(1, 3)), found);
        assert_ne!(model(SQL).fingerprint(&parameters(3, 2)), found);
        let edited = SQL.replace('>', ">=");
        assert_ne!(model(&edited).fingerprint(&parameters(1, 2)), found);
    }
}
