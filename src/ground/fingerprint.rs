//! Fingerprints: what a result depends on, as one hash.
//!
//! Parts are length-prefixed and labelled, so `("a", "bc")` and `("ab", "c")` differ.

use std::fmt;

/// How many hex digits a fingerprint has.
const DIGITS: usize = 32;

/// A BLAKE3 hash over labelled parts, shown as 32 hex digits.
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
    fn where_a_part_ends_matters() {
        let split_late = Fingerprint::builder().part("x", "ab").part("x", "c");
        let split_early = Fingerprint::builder().part("x", "a").part("x", "bc");
        assert_ne!(split_late.finish(), split_early.finish());
    }
}
