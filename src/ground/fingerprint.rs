//! Fingerprints: what a result depends on, as one hash.
//!
//! What is hashed is a list of labelled parts in a fixed order, each of them
//!
//! ```text
//! length of the label, 8 bytes little-endian | label, UTF-8 | length of the value | value, UTF-8
//! ```
//!
//! so that `("a", "bc")` and `("ab", "c")` differ. Whatever has parts of its own is a part by its
//! fingerprint. Labels and values are written out by hand wherever a fingerprint is made: neither
//! a name in Rust nor the way in which a library prints something has a part in them. Each place
//! has a version number, which is raised when what is written there changes.

use std::fmt;

use serde_json::Value;

/// How many hex digits a fingerprint has.
const DIGITS: usize = 32;

/// A BLAKE3 hash over labelled parts, shown as its first 32 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Starts an empty fingerprint.
    pub fn builder() -> FingerprintBuilder {
        FingerprintBuilder(blake3::Hasher::new())
    }

    /// The fingerprint of one text.
    pub fn of(text: &str) -> Self {
        Self::builder().part("text", text).finish()
    }

    /// The digest that a record carries under the key `digest`: of the name that it is kept under and of
    /// all else that it says.
    pub fn of_record(name: &str, mut content: Value) -> Self {
        if let Some(fields) = content.as_object_mut() {
            fields.remove("digest");
        }
        let digest = Self::builder().part("name", name);
        digest.part("content", &content.to_string()).finish()
    }

    /// A fingerprint as [`as_str`](Self::as_str) wrote it; none for another text.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
        let is_whole = text.len() == DIGITS && text.bytes().all(is_hex);
        is_whole.then(|| Self(text.to_owned()))
    }

    /// All 32 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first sixteen hex digits, as a number.
    pub fn number(&self) -> u64 {
        u64::from_str_radix(&self.0[..16], 16).unwrap_or_default()
    }

    /// The first twelve hex digits, for names that people read.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl AsRef<str> for Fingerprint {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Collects the parts of a [`Fingerprint`].
#[derive(Clone)]
pub struct FingerprintBuilder(blake3::Hasher);

impl FingerprintBuilder {
    /// Adds one labelled part.
    #[must_use]
    pub fn part(mut self, label: &str, value: &str) -> Self {
        for text in [label, value] {
            self.0.update(&(text.len() as u64).to_le_bytes());
            self.0.update(text.as_bytes());
        }
        self
    }

    /// Adds a part that has parts of its own.
    #[must_use]
    pub fn nested(self, label: &str, parts: &Fingerprint) -> Self {
        self.part(label, parts.as_str())
    }

    /// Adds several parts under one label, in the order given.
    #[must_use]
    pub fn parts<T: AsRef<str>>(self, label: &str, values: impl IntoIterator<Item = T>) -> Self {
        values
            .into_iter()
            .fold(self, |builder, value| builder.part(label, value.as_ref()))
    }

    /// The finished fingerprint.
    pub fn finish(self) -> Fingerprint {
        let hex = self.0.finalize().to_hex();
        Fingerprint(hex.as_str()[..DIGITS].to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_documentation() {
        let mut bytes = Vec::new();
        for text in ["day", "2026-11-20", "files", ""] {
            bytes.extend((text.len() as u64).to_le_bytes());
            bytes.extend(text.as_bytes());
        }
        let builder = Fingerprint::builder().part("day", "2026-11-20");
        let found = builder.part("files", "").finish();
        assert_eq!(found.as_str(), &blake3::hash(&bytes).to_hex()[..32]);
        assert_eq!(found.as_str(), "50096f38207b8303161dbe146ffafd9c");
    }

    #[test]
    fn where_a_part_ends_matters() {
        let split_late = Fingerprint::builder().part("x", "ab").part("x", "c");
        let split_early = Fingerprint::builder().part("x", "a").part("x", "bc");
        assert_ne!(split_late.finish(), split_early.finish());
    }
}
