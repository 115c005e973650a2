//! Numbers as people read them.
//!
//! | value | as | reads |
//! |---|---|---|
//! | 1234567 | count | `1,234,567` |
//! | 1234 | change | `+1,234` |
//! | 123450 | money in hundredths | `1,234.50` |
//! | 1 of 8 | share | `12.5%` |
//! | 1 of 8, wide as 4 | bar | `▌` |
//!
//! Nothing reads [`NONE`], so that what is there stands out.

use crate::ground::{grouped, noun_for, per_cent};

/// What stands for no users, no money and no change.
pub(super) const NONE: &str = ".";

/// Blocks of one to seven eighths of a column.
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// A whole number with thousands set apart.
pub(super) fn count(number: impl Into<i128>) -> String {
    let number = number.into();
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(&number.unsigned_abs().to_string()))
}

/// A whole number as [`count`] writes it, with its noun.
pub(super) fn count_of(number: impl Into<i128>, noun: &str) -> String {
    let number = number.into();
    format!("{} {}", count(number), noun_for(number, noun))
}

/// A count, or [`NONE`].
pub(super) fn count_or_none(number: i64) -> String {
    match number {
        0 => NONE.to_owned(),
        number => count(number),
    }
}

/// A difference with its sign, or [`NONE`].
pub(super) fn change(number: i64) -> String {
    match number {
        0 => NONE.to_owned(),
        1.. => format!("+{}", count(number)),
        _ => count(number),
    }
}

/// An amount of money, given in hundredths.
pub(super) fn money(cents: i128) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let (whole, rest) = (cents.unsigned_abs() / 100, cents.unsigned_abs() % 100);
    format!("{sign}{}.{rest:02}", count(whole.cast_signed()))
}

/// A part as per cent of a whole; [`NONE`] of nothing.
pub(super) fn share(part: i128, whole: i128) -> String {
    match (part, whole) {
        (0, _) | (_, 0) => NONE.to_owned(),
        _ => per_cent(part as f64 / whole as f64),
    }
}

/// A bar, `columns` wide for the whole; at least a sliver for what is not nothing.
pub(super) fn bar(part: i64, whole: i64, columns: u32) -> String {
    if part <= 0 || whole <= 0 {
        return String::new();
    }
    let eighths = i128::from(part) * i128::from(columns) * 8 / i128::from(whole);
    let eighths = usize::try_from(eighths.max(1)).unwrap_or_default();
    let full = "█".repeat(eighths / 8);
    let rest = (eighths % 8).checked_sub(1);
    let rest = rest.and_then(|index| EIGHTHS.get(index));
    rest.map_or(full.clone(), |rest| format!("{full}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        let counts = [0, 7, 999, 1_000, 20_000, 1_234_567, -1_234].map(count);
        let expected = ["0", "7", "999", "1,000", "20,000", "1,234,567", "-1,234"];
        assert_eq!(counts, expected);
    }

    #[test]
    fn changes_have_a_sign() {
        assert_eq!([1_200, 0, -3].map(change), ["+1,200", ".", "-3"]);
    }

    #[test]
    fn money_keeps_its_hundredths() {
        let amounts = [123_450, 5, 0, -123_405].map(money);
        assert_eq!(amounts, ["1,234.50", "0.05", "0.00", "-1,234.05"]);
    }

    #[test]
    fn shares_of_nothing_are_nothing() {
        assert_eq!(
            [share(1, 8), share(8, 8), share(0, 8), share(0, 0)],
            ["12.5%", "100.0%", ".", "."]
        );
    }

    #[test]
    fn bars_are_measured_in_eighths() {
        let bars = [0, 1, 4, 8, 1_000].map(|part| bar(part, 1_000, 3));
        assert_eq!(bars, ["", "▏", "▏", "▏", "███"]);
        assert_eq!(bar(1, 2, 3), "█▌");
    }
}
