//! Counts with their nouns, as a sentence has them: `1 file`, `2 files`; digits in groups; and fractions as per cent.

use std::fmt::Display;

/// The count with its noun, which is given in the singular.
pub fn counted<T: Display + PartialEq + From<u8>>(count: T, noun: &str) -> String {
    let text = count.to_string();
    format!("{text} {}", noun_for(count, noun))
}

/// The noun without its count, where something stands between the two.
pub fn noun_for<T: PartialEq + From<u8>>(count: T, noun: &str) -> String {
    format!("{noun}{}", verb_for(count, "", "s"))
}

/// The word that goes with a count: the one for the singular or the one for the plural.
pub fn verb_for<T: PartialEq + From<u8>>(
    count: T,
    of_one: &'static str,
    of_many: &'static str,
) -> &'static str {
    match count == T::from(1) {
        true => of_one,
        false => of_many,
    }
}

/// Digits with a comma after each three.
pub fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A fraction as per cent, half a tenth rounded away from zero as the page of a report does; what rounds to
/// nothing has no sign.
pub fn per_cent(fraction: f64) -> String {
    let tenths = (1000.0 * fraction).round();
    let text = format!("{:.1}%", tenths / 10.0);
    match text.as_str() {
        "-0.0%" => "0.0%".to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_and_verbs_go_with_their_counts() {
        assert_eq!(counted(0_u64, "file"), "0 files");
        assert_eq!(counted(1_usize, "file"), "1 file");
        assert_eq!(counted(2_i64, "day"), "2 days");
        assert_eq!(verb_for(1_u32, "is", "are"), "is");
        assert_eq!(verb_for(0_u32, "is", "are"), "are");
    }

    #[test]
    fn half_a_tenth_of_a_per_cent_is_rounded_away_from_zero() {
        let fractions = [0.1225, 0.0625, -0.0625, 1.0, 0.0, -0.0001];
        let texts = fractions.map(per_cent);
        assert_eq!(texts, ["12.3%", "6.3%", "-6.3%", "100.0%", "0.0%", "0.0%"]);
    }
}
