//! Numbers as a format of `dim_metric` writes them.

use crate::ground::grouped;

/// How a metric is written: what `dim_metric` uses of d3-format, such as `,.2f` and `.1%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NumberForm {
    decimals: usize,
    /// Whether it is written as a percentage.
    pub is_percentage: bool,
}

impl NumberForm {
    /// Whole numbers.
    pub(crate) const WHOLE: Self = Self {
        decimals: 0,
        is_percentage: false,
    };

    /// None for a format of another kind.
    pub(crate) fn of(format: &str) -> Option<Self> {
        let format = format.trim_start_matches(['+', ',']);
        let (decimals, kind) = format.strip_prefix('.')?.split_at_checked(1)?;
        let is_percentage = match kind {
            "%" => true,
            "f" => false,
            _ => return None,
        };
        Some(Self {
            decimals: decimals.parse().ok()?,
            is_percentage,
        })
    }

    /// A number in this form, with a comma after each three digits and a minus sign below zero. What
    /// rounds to nothing has no sign, and half a digit is rounded away from zero.
    pub(crate) fn write(self, value: f64) -> String {
        let shift = 10_f64.powi(i32::try_from(self.decimals).unwrap_or_default());
        let (hundred, sign) = match self.is_percentage {
            true => (100.0, "%"),
            false => (1.0, ""),
        };
        let rounded = (value.abs() * hundred * shift).round() / shift;
        let text = format!("{rounded:.*}", self.decimals);
        let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
        let minus = match value < 0.0 && rounded != 0.0 {
            true => "-",
            false => "",
        };
        format!("{minus}{}{rest}{sign}", grouped(whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_by_their_formats() {
        let write = |format, value| NumberForm::of(format).map(|form| form.write(value));
        for (format, value, expected) in [
            (",.0f", 0.0, "0"),
            (",.0f", 999.4, "999"),
            (",.0f", 1_234_567.5, "1,234,568"),
            (",.2f", -1000.0, "-1,000.00"),
            (",.0f", -0.2, "0"),
            (".1%", 0.0985, "9.9%"),
            ("+.2%", 0.003_456, "0.35%"),
            (".1%", -0.000_1, "0.0%"),
        ] {
            assert_eq!(
                write(format, value).as_deref(),
                Some(expected),
                "{format} {value}"
            );
        }
        for format in ["", "%", ".1p", "garbage(", ".f", ".é%"] {
            assert_eq!(write(format, 1.0), None, "{format}");
        }
    }
}
