//! The words of the pages, of both languages: `assets/words.json`. The page's own script picks among
//! them; here they are for what is written without a script.

use serde_json::Value;

use crate::job::Language;

/// The file.
pub(super) const WORDS: &str = include_str!("assets/words.json");

/// The words of one language.
pub(super) struct Words(Value);

impl Words {
    pub(super) fn of(language: Language) -> Self {
        let all: Value = serde_json::from_str(WORDS).unwrap_or_default();
        Self(all[language.tag()]["site"].clone())
    }

    /// A text of the index; its key where it is not there, which a test rules out.
    pub(super) fn text<'a>(&'a self, key: &'a str) -> &'a str {
        self.0[key].as_str().unwrap_or(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The places of all texts below a value.
    fn places(value: &Value, place: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(entries) => {
                for (key, value) in entries {
                    places(value, &format!("{place}.{key}"), found);
                }
            }
            Value::String(text) => {
                assert!(!text.trim().is_empty(), "{place} is empty");
                found.push(place.to_owned());
            }
            other => panic!("{place} is {other}"),
        }
    }

    #[test]
    fn both_languages_have_the_same_words() {
        let all: Value = serde_json::from_str(WORDS).unwrap();
        let found = ["en", "zh"].map(|language| {
            let mut found = Vec::new();
            places(&all[language], "", &mut found);
            found
        });
        assert!(found[0].len() > 100);
        assert_eq!(found[0], found[1]);
    }
}
