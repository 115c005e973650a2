//! Exact numbers: whole ones, and decimals by their digits.
//!
//! | text | unscaled | scale |
//! |---|---|---|
//! | `7` | 7 | 0 |
//! | `50.00` | 5000 | 2 |
//! | `-0.05` | -5 | 2 |
//!
//! Numbers are compared by their values: `50` equals `50.00`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The most digits that a DECIMAL has.
const MOST_DIGITS: u32 = 38;

/// An exact number.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExactNumber {
    /// The digits without the point.
    pub unscaled: i128,
    /// How many of them are behind the decimal point; at most 38.
    pub scale: u8,
}

/// A text that is not an exact number.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not a number of at most {MOST_DIGITS} digits, such as 7 or 50.00")]
pub struct NotANumber {
    /// The text.
    pub text: String,
}

impl ExactNumber {
    /// The same number with so many digits behind the point; none when it has more of them, or
    /// more in all than a DECIMAL.
    pub fn at_scale(self, scale: u8) -> Option<Self> {
        let unscaled = match scale.checked_sub(self.scale) {
            Some(more) => self.unscaled.checked_mul(power_of_ten(more))?,
            None => {
                let fewer = power_of_ten(self.scale - scale);
                (self.unscaled % fewer == 0).then_some(self.unscaled / fewer)?
            }
        };
        let digits = unscaled.checked_abs()?.checked_ilog10().unwrap_or_default() + 1;
        (digits <= MOST_DIGITS).then_some(Self { unscaled, scale })
    }

    /// The whole number below, and what is above it in digits of `scale`, which must not be less
    /// than the number's own.
    fn parts(self, scale: u8) -> (i128, i128) {
        let one = power_of_ten(self.scale);
        let above = self.unscaled.rem_euclid(one) * power_of_ten(scale - self.scale);
        (self.unscaled.div_euclid(one), above)
    }
}

fn power_of_ten(exponent: u8) -> i128 {
    10_i128.pow(u32::from(exponent))
}

impl Ord for ExactNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.scale == other.scale {
            return self.unscaled.cmp(&other.unscaled);
        }
        let scale = self.scale.max(other.scale);
        self.parts(scale).cmp(&other.parts(scale))
    }
}

impl PartialOrd for ExactNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ExactNumber {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ExactNumber {}

impl From<i64> for ExactNumber {
    fn from(whole: i64) -> Self {
        Self {
            unscaled: whole.into(),
            scale: 0,
        }
    }
}

impl FromStr for ExactNumber {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, NotANumber> {
        let refused = || NotANumber {
            text: text.to_owned(),
        };
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = match unsigned.split_once('.') {
            Some((_, "")) => return Err(refused()),
            Some((whole, fraction)) => (whole, fraction),
            None => (unsigned, ""),
        };
        let digits = format!("{whole}{fraction}");
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_plain || digits.len() > MOST_DIGITS as usize {
            return Err(refused());
        }
        let magnitude: i128 = digits.parse().map_err(|_| refused())?;
        Ok(Self {
            unscaled: if unsigned == text {
                magnitude
            } else {
                -magnitude
            },
            scale: u8::try_from(fraction.len()).map_err(|_| refused())?,
        })
    }
}

impl TryFrom<String> for ExactNumber {
    type Error = NotANumber;

    fn try_from(text: String) -> Result<Self, NotANumber> {
        text.parse()
    }
}

impl From<ExactNumber> for String {
    fn from(number: ExactNumber) -> Self {
        number.to_string()
    }
}

impl fmt::Display for ExactNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = usize::from(self.scale);
        if scale == 0 {
            return self.unscaled.fmt(formatter);
        }
        let sign = if self.unscaled < 0 { "-" } else { "" };
        let digits = format!(
            "{:0>width$}",
            self.unscaled.unsigned_abs(),
            width = scale + 1
        );
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        write!(formatter, "{sign}{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> ExactNumber {
        text.parse().unwrap()
    }

    #[test]
    fn decimals_print_all_their_digits() {
        let show = |unscaled| ExactNumber { unscaled, scale: 2 }.to_string();
        assert_eq!([show(1230), show(5), show(-5)], ["12.30", "0.05", "-0.05"]);
    }

    #[test]
    fn numbers_read_back_as_they_were_written() {
        for text in ["0", "7", "-7", "50.00", "-0.05", "0.1"] {
            assert_eq!(number(text).to_string(), text);
        }
        let longest = "9".repeat(38);
        assert_eq!(number(&longest).to_string(), longest);
    }

    #[test]
    fn what_is_no_plain_number_is_refused() {
        let longer = "1".repeat(39);
        for text in [
            "", "-", "x", "1e3", "+1", "1.", ".5", "1.2.3", "--1", &longer,
        ] {
            assert!(text.parse::<ExactNumber>().is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_compared_by_value() {
        let ascending = ["-1.5", "-1.25", "-1", "0", "0.05", "0.5", "7", "7.01", "50"];
        for pair in ascending.windows(2) {
            assert!(number(pair[0]) < number(pair[1]), "{pair:?}");
        }
        assert_eq!(number("50"), number("50.00"));
        let (large, small) = ("9".repeat(38), format!("0.{}1", "0".repeat(36)));
        assert!(number(&small) < number(&large));
    }

    #[test]
    fn digits_behind_the_point_are_added_and_only_zeros_taken_away() {
        let at_scale = |text: &str, scale| {
            let number = number(text).at_scale(scale);
            number.map(|number| number.to_string())
        };
        assert_eq!(at_scale("50", 2).as_deref(), Some("50.00"));
        assert_eq!(at_scale("50.00", 0).as_deref(), Some("50"));
        assert_eq!(at_scale("7.5", 0), None);
        assert_eq!(at_scale(&"9".repeat(38), 2), None);
        // 39 digits, which i128 would still hold.
        assert_eq!(at_scale(&format!("1{}", "0".repeat(37)), 1), None);
    }
}
