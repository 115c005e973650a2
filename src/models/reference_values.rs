//! What is wrong with the values of a reference file that is CSV as such.

use std::collections::BTreeMap;

use crate::ground::Diagnostic;

use super::ReferenceTable;

/// Spellings of true and false. A column is BOOLEAN when it has no others than the first two.
const BOOLEANS: [&str; 12] = [
    "true", "false", "t", "f", "yes", "no", "y", "n", "on", "off", "1", "0",
];

impl ReferenceTable {
    /// Values such as `yes` in a column of true and false, which they make VARCHAR.
    pub(crate) fn mixed_booleans(&self) -> Vec<Diagnostic> {
        let columns = 0..self.rows.num_columns();
        columns.flat_map(|column| self.mixed_in(column)).collect()
    }

    fn mixed_in(&self, column: usize) -> Vec<Diagnostic> {
        let values: Vec<(usize, String)> = self.values(column).collect();
        let is_plain = |value: &str| {
            let mut plain = BOOLEANS.iter().take(2);
            plain.any(|word| word.eq_ignore_ascii_case(value))
        };
        let is_boolean = |value: &str| {
            let word = value.trim().to_lowercase();
            BOOLEANS.contains(&word.as_str())
        };
        let is_mixed = values.iter().all(|(_, value)| is_boolean(value))
            && values.iter().any(|(_, value)| is_plain(value));
        let others = values.iter().filter(|(_, value)| !is_plain(value));
        let column = self.rows.schema_ref().field(column).name();
        let problem = |(row, value): &(usize, String)| {
            let message = format!(
                "`{}` has `{value}` in column `{column}`, whose other values are true and false",
                self.name
            );
            self.problem(*row, message).help("write true or false")
        };
        match is_mixed {
            true => others.map(problem).collect(),
            false => Vec::new(),
        }
    }

    /// Columns that SQL cannot tell apart: of the same name, or several without one.
    pub(crate) fn ambiguous_columns(&self) -> Vec<Diagnostic> {
        let schema = self.rows.schema();
        let names: Vec<&str> = schema
            .fields()
            .iter()
            .map(|field| field.name().trim())
            .collect();
        let repeated = (1..names.len()).filter(|column| names[..*column].contains(&names[*column]));
        let problem = |column: usize| {
            let place = 0..self.file.byte_at(1, u64::MAX);
            let (message, help) = match names[column] {
                "" => (
                    format!(
                        "`{}` has several columns without a name, column {} among them",
                        self.name,
                        column + 1
                    ),
                    "give each a name in the first line, or take its values out",
                ),
                name => (
                    format!("two columns of `{}` are called `{name}`", self.name),
                    "give one of them another name, or take it out",
                ),
            };
            Diagnostic::at(&self.file, place, message).help(help)
        };
        repeated.map(problem).collect()
    }

    /// Values such as `３００` in a column of whole numbers, which they make VARCHAR; none where a value is no
    /// number at all.
    pub(crate) fn odd_numbers(&self) -> Vec<Diagnostic> {
        let columns = 0..self.rows.num_columns();
        columns
            .flat_map(|column| self.odd_numbers_in(column))
            .collect()
    }

    fn odd_numbers_in(&self, column: usize) -> Vec<Diagnostic> {
        let values: Vec<(usize, String)> = self.values(column).collect();
        let is_in_digits = |value: &str| {
            let digits = value.strip_prefix('-').unwrap_or(value);
            !digits.is_empty() && digits.chars().all(is_digit)
        };
        if !values.iter().all(|(_, value)| is_in_digits(value)) {
            return Vec::new();
        }
        let odd = values
            .iter()
            .filter(|(_, value)| value.parse::<i64>().is_err());
        let column = self.rows.schema_ref().field(column).name();
        let problem = |(row, value): &(usize, String)| {
            let message = format!(
                "`{}` has `{value}` in column `{column}` of numbers, which SQL takes for a text",
                self.name
            );
            self.problem(*row, message)
                .help("write it in the digits 0 to 9, at most 18 of them")
        };
        odd.map(problem).collect()
    }

    /// Values of some columns that are no whole numbers from `least` on. None where the file does not
    /// have such a column, and of NULL. `if_empty` says what that would mean, where somebody may want it.
    pub(crate) fn no_counts(
        &self,
        columns: &[&str],
        least: i64,
        if_empty: &str,
    ) -> Vec<Diagnostic> {
        let schema = self.rows.schema();
        let columns = columns.iter().filter_map(|name| schema.index_of(name).ok());
        let found = columns.flat_map(|column| {
            let wrong = self
                .values(column)
                .filter(move |(_, value)| !value.parse::<i64>().is_ok_and(|count| count >= least));
            wrong.map(move |(row, value)| {
                let column = self.rows.schema_ref().field(column).name();
                let message = format!(
                    "`{}` has `{value}` in column `{column}`, where a whole number from {least} on is needed{if_empty}",
                    self.name
                );
                self.problem(row, message).help("write such a number in plain digits, or leave the cell empty")
            })
        });
        found.collect()
    }

    /// Rows whose key another row before them has. None where the file does not have these columns.
    pub(crate) fn repeated_keys(&self, key: &[&str]) -> Vec<Diagnostic> {
        let schema = self.rows.schema();
        let columns = key.iter().map(|name| schema.index_of(name));
        let Ok(columns) = columns.collect::<Result<Vec<usize>, _>>() else {
            return Vec::new();
        };
        let mut lines: BTreeMap<Vec<String>, u64> = BTreeMap::new();
        let mut found = Vec::new();
        for row in 0..self.rows.num_rows() {
            let values = columns.iter().map(|column| self.value(row, *column));
            let Some(values) = values.collect::<Option<Vec<String>>>() else {
                continue;
            };
            if let Some(line) = lines.get(&values) {
                let message = format!(
                    "`{}` has {} `{}` on line {line} already",
                    self.name,
                    key.join(", "),
                    values.join(", ")
                );
                let help = "give one of the two lines another, or take it out: what is joined with both counts twice";
                found.push(self.problem(row, message).help(help));
                continue;
            }
            lines.insert(values, self.line_of(row));
        }
        found
    }

    /// The values of a column that are not NULL, each with its row.
    fn values(&self, column: usize) -> impl Iterator<Item = (usize, String)> {
        let rows = 0..self.rows.num_rows();
        rows.filter_map(move |row| Some((row, self.value(row, column)?)))
    }

    /// A problem of one row, at its line.
    pub(crate) fn problem(&self, row: usize, message: String) -> Diagnostic {
        let line = self.line_of(row);
        let place = self.file.byte_at(line, 1)..self.file.byte_at(line, u64::MAX);
        Diagnostic::at(&self.file, place, message)
    }
}

/// Of any width: keyboards for Chinese write both.
fn is_digit(character: char) -> bool {
    character.is_ascii_digit() || ('０'..='９').contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::{Problems, SourceFile, SqlSchema, TableName};

    fn table(text: &str) -> ReferenceTable {
        let name = TableName::new(SqlSchema::Reference, "kinds");
        ReferenceTable::read(name, SourceFile::new("kinds.csv", text)).unwrap()
    }

    #[test]
    fn columns_that_cannot_be_told_apart_are_named() {
        let told = |text: &str| Problems(table(text).ambiguous_columns()).to_string();
        assert_eq!(table("kind,rank,\na,1,\n").ambiguous_columns(), []);
        let unnamed = told("kind,,rank,\na,x,1,y\n");
        assert!(
            unnamed.contains("several columns without a name, column 4 among them")
                && unnamed.contains("give each a name in the first line, or take its values out"),
            "{unnamed}"
        );
        let twice = told("kind,rank,kind\na,1,b\n");
        assert!(
            twice.contains("two columns of `reference.kinds` are called `kind`")
                && twice.contains("give one of them another name, or take it out"),
            "{twice}"
        );
    }

    #[test]
    fn numbers_in_other_digits_are_named() {
        let odd = table("kind,rank,code\na,1,x\nb,３００,２\nc,9223372036854775808,3\n");
        insta::assert_snapshot!(Problems(odd.odd_numbers()), @"
        error: `reference.kinds` has `３００` in column `rank` of numbers, which SQL takes for a text
         --> kinds.csv:3:1
          |
        3 | b,３００,２
          | ^^^^^^^^^^^
          |
          = help: write it in the digits 0 to 9, at most 18 of them

        error: `reference.kinds` has `9223372036854775808` in column `rank` of numbers, which SQL takes for a text
         --> kinds.csv:4:1
          |
        4 | c,9223372036854775808,3
          | ^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: write it in the digits 0 to 9, at most 18 of them
        ");
        assert_eq!(table("kind,rank\na,1\nb,-2\nc,\n").odd_numbers(), []);
    }

    #[test]
    fn other_spellings_of_true_and_false_are_told_by_line() {
        let mixed = table("kind,is_active\na,true\nb,yes\nc,FALSE\nd,\n");
        insta::assert_snapshot!(Problems(mixed.mixed_booleans()), @"
        error: `reference.kinds` has `yes` in column `is_active`, whose other values are true and false
         --> kinds.csv:3:1
          |
        3 | b,yes
          | ^^^^^
          |
          = help: write true or false
        ");
        for plain in [
            "kind,is_active\na,true\nb,FALSE\nc,\n",
            "kind,answer\na,yes\nb,no\n",
            "kind,answer\na,true\nb,maybe\n",
            "kind,rank\na,1\nb,0\n",
        ] {
            assert_eq!(table(plain).mixed_booleans(), [], "{plain}");
        }
    }

    #[test]
    fn keys_that_come_again_are_told_by_line() {
        let twice = table("kind,channel\na,app\nb,app\na,web\na,app\n");
        insta::assert_snapshot!(Problems(twice.repeated_keys(&["kind", "channel"])), @"
        error: `reference.kinds` has kind, channel `a, app` on line 2 already
         --> kinds.csv:5:1
          |
        5 | a,app
          | ^^^^^
          |
          = help: give one of the two lines another, or take it out: what is joined with both counts twice
        ");
        assert_eq!(twice.repeated_keys(&["kind"]).len(), 2);
        assert_eq!(twice.repeated_keys(&["other"]), []);
    }
}
