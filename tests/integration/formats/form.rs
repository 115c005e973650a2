//! The form of a JSON text: which fields it has, and of which types.

use std::collections::BTreeSet;

use serde_json::Value;

/// Every field with its type: `metrics[].cuts[]: text`. The keys of objects at `maps` are data,
/// so they become `*`: of `tables` with `{"alerts": {"rows": 0}}` it is `tables.*.rows: number`.
pub(super) fn form(value: &Value, maps: &[impl AsRef<str>]) -> BTreeSet<String> {
    let mut form = BTreeSet::new();
    collect(value, String::new(), maps, &mut form);
    form
}

fn collect(value: &Value, path: String, maps: &[impl AsRef<str>], form: &mut BTreeSet<String>) {
    let kind = match value {
        Value::Object(fields) => {
            let is_map = maps.iter().any(|map| map.as_ref() == path);
            for (key, value) in fields {
                let key = if is_map { "*" } else { key };
                let separator = if path.is_empty() { "" } else { "." };
                collect(value, format!("{path}{separator}{key}"), maps, form);
            }
            "object"
        }
        Value::Array(values) => {
            for value in values {
                collect(value, format!("{path}[]"), maps, form);
            }
            "list"
        }
        Value::Null => "nothing",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "fraction",
        Value::Number(_) => "whole number",
        Value::String(_) => "text",
    };
    form.insert(format!("{path}: {kind}"));
}

/// What a format may be like today.
pub(super) struct Kept {
    /// The format, and the fixture that it is held against.
    pub(super) fixture: String,
    /// Every field that may be written.
    pub(super) may: BTreeSet<String>,
    /// Every field that must be.
    pub(super) must: BTreeSet<String>,
}

impl Kept {
    /// The form of some values, each field of which must be written if `is_always` says so.
    pub(super) fn of(
        fixture: String,
        form: BTreeSet<String>,
        is_always: impl Fn(&str) -> bool,
    ) -> Self {
        let always = form.iter().filter(|field| is_always(field));
        Self {
            fixture,
            must: always.cloned().collect(),
            may: form,
        }
    }

    /// Fails when what is written today is of another form.
    pub(super) fn assert_form(&self, written: &BTreeSet<String>) {
        let Self { fixture, may, must } = self;
        let is_new: Vec<&String> = written.difference(may).collect();
        let is_gone: Vec<&String> = must.difference(written).collect();
        assert!(
            is_new.is_empty() && is_gone.is_empty(),
            "tierline writes another form than tests/fixtures/formats/{fixture}\n  new:  {is_new:?}\n  gone: {is_gone:?}\nFiles of the old form stay, and older programs read the new one. If the change is meant, leave that fixture as it is, add one of the new form, raise the number that the form has in the files, and say in the document of the format what is new: see tests/fixtures/formats/README.md"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_maps_are_no_part_of_the_form() {
        let value =
            serde_json::json!({"format": 1, "tables": {"alerts": [{"rows": 0.5}], "x": []}});
        let form: Vec<String> = form(&value, &["tables"]).into_iter().collect();
        assert_eq!(
            form,
            [
                ": object",
                "format: whole number",
                "tables.*: list",
                "tables.*[].rows: fraction",
                "tables.*[]: object",
                "tables: object",
            ]
        );
    }

    #[test]
    #[should_panic(expected = "new:  [\"added: text\"]\n  gone: [\"rows: text\"]\n")]
    fn fields_that_come_and_go_are_named() {
        let form = |fields: &[&str]| -> BTreeSet<String> {
            let fields = fields.iter();
            fields.map(|field| format!("{field}: text")).collect()
        };
        let kept = form(&["rows", "sometimes"]);
        let kept = Kept::of("x/v1".to_owned(), kept, |field| field != "sometimes: text");
        kept.assert_form(&form(&["added"]));
    }
}
