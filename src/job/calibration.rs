//! The section `[calibration]`: which cut points users are scored by.
//!
//! | in the job file | users are scored by |
//! |---|---|
//! | nothing | the newest calibration as of the snapshot date or earlier |
//! | `id = "2026-11-20-v1"` | that calibration |
//! | `recency_days = [7, 30, 90, 180]` and so on | these cut points |
//!
//! Which metrics there are is for the SQL pack to say, so every other key is taken for one here.

use std::collections::BTreeMap;

use crate::ground::{Diagnostic, ExactNumber, Problems, SourceFile, did_you_mean};

use super::file::Keys;
use super::parameter::ParameterValue;

/// The key of a pinned calibration.
const ID: &str = "id";

/// What a list of cut points looks like.
const EXAMPLE: &str = "give four numbers, each greater than the one before it, such as [7, 30, 90, 180] or [\"50.00\", \"200.00\", \"500.00\", \"2000.00\"]";

/// Which cut points a job scores by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CalibrationChoice {
    /// The newest calibration as of the snapshot date or earlier.
    #[default]
    Newest,
    /// The calibration of this id.
    Pinned(String),
    /// Cut points given by hand.
    ByHand(Vec<GivenCuts>),
}

/// The cut points of one metric, given by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenCuts {
    /// A column of the calibration model.
    pub metric: String,
    /// Strictly increasing: above how many of them a user is decides the score.
    pub cuts: [ExactNumber; 4],
}

/// Reads the section, and says what is wrong with it.
pub(super) fn read(
    section: &BTreeMap<String, toml::Value>,
    file: &SourceFile,
    keys: &Keys,
) -> (CalibrationChoice, Problems) {
    let mut problems = Problems::default();
    let at = |key: &str, message: String| {
        Diagnostic::at(file, keys.place(&format!("calibration.{key}")), message)
    };
    let mut given = Vec::new();
    for (metric, value) in section.iter().filter(|(key, _)| *key != ID) {
        let cuts = cuts(metric, value);
        let cuts = cuts.map_err(|message| at(metric, message).help(EXAMPLE));
        given.extend(problems.keep(cuts).map(|cuts| GivenCuts {
            metric: metric.clone(),
            cuts,
        }));
    }
    let id = section.get(ID);
    if id.is_some() && section.len() > 1 {
        let message = "`id` pins a calibration, and other keys give cut points by hand";
        problems.push(at(ID, message.to_owned()).help("keep one of the two"));
    }
    let choice = match id {
        Some(toml::Value::String(id)) => CalibrationChoice::Pinned(id.clone()),
        Some(_) => {
            let message = "`id` is not the id of a calibration".to_owned();
            problems.push(at(ID, message).help("give a text such as \"2026-11-20-v1\""));
            CalibrationChoice::Newest
        }
        None if given.is_empty() => CalibrationChoice::Newest,
        None => CalibrationChoice::ByHand(given),
    };
    (choice, problems)
}

/// Four increasing values, or what they are instead.
fn cuts(metric: &str, value: &toml::Value) -> Result<[ExactNumber; 4], String> {
    let values = value.as_array();
    let values = values.ok_or_else(|| {
        let near = did_you_mean(metric, [ID]);
        format!("`{metric}` is not a list of cut points{near}")
    })?;
    let mut cuts = Vec::new();
    for value in values {
        let cut = exact_number(value);
        let cut =
            cut.ok_or_else(|| format!("cut point {value} of `{metric}` is not an exact number"))?;
        if let Some(last) = cuts.last()
            && cut <= *last
        {
            return Err(format!(
                "the cut points of `{metric}` do not increase: {cut} comes after {last}"
            ));
        }
        cuts.push(cut);
    }
    let count = cuts.len();
    cuts.try_into()
        .map_err(|_| format!("`{metric}` has {count} cut points, not four"))
}

/// A whole number, a decimal, or either of them as a text.
fn exact_number(value: &toml::Value) -> Option<ExactNumber> {
    match ParameterValue::from_toml(value)? {
        ParameterValue::Integer(value) => Some(value.into()),
        ParameterValue::Decimal(digits) | ParameterValue::Text(digits) => digits.parse().ok(),
        ParameterValue::Boolean(_) | ParameterValue::Date(_) | ParameterValue::List(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(section: &str) -> Result<CalibrationChoice, String> {
        let section: BTreeMap<String, toml::Value> = toml::from_str(section).unwrap();
        let file = SourceFile::new("job.toml", "");
        let (choice, problems) = read(&section, &file, &Keys::default());
        let messages = problems.0.iter().map(|problem| problem.message.as_str());
        let messages = messages.collect::<Vec<_>>().join("; ");
        problems.or_ok(choice).map_err(|_| messages)
    }

    #[test]
    fn cut_points_are_numbers_or_texts() {
        let section = "orders_365d = [1, 2, 4, 8]\nrevenue_365d = [\"50.00\", 200, 500.5, 2000]\n";
        let CalibrationChoice::ByHand(given) = choice(section).unwrap() else {
            panic!("not by hand");
        };
        let texts = given.iter().map(|given| {
            let cuts = given.cuts.map(|cut| cut.to_string()).join(" ");
            format!("{} {cuts}", given.metric)
        });
        assert_eq!(
            texts.collect::<Vec<_>>(),
            ["orders_365d 1 2 4 8", "revenue_365d 50.00 200 500.5 2000"]
        );
    }

    #[test]
    fn section_without_keys_says_nothing() {
        assert_eq!(choice(""), Ok(CalibrationChoice::Newest));
        let pinned = CalibrationChoice::Pinned("x".to_owned());
        assert_eq!(choice("id = \"x\""), Ok(pinned));
    }

    #[test]
    fn lists_that_are_no_cut_points_are_refused() {
        let refused = |values: &str| choice(&format!("m = {values}")).unwrap_err();
        assert_eq!(refused("7"), "`m` is not a list of cut points");
        assert_eq!(refused("[1, 2, 3]"), "`m` has 3 cut points, not four");
        assert_eq!(refused("[1, 2, 3, 4, 5]"), "`m` has 5 cut points, not four");
        assert_eq!(
            refused("[1, 2, 2.0, 3]"),
            "the cut points of `m` do not increase: 2 comes after 2"
        );
        assert_eq!(
            refused("[1, true, 3, 4]"),
            "cut point true of `m` is not an exact number"
        );
        assert_eq!(
            refused("[1, 2, 3, nan]"),
            "cut point nan of `m` is not an exact number"
        );
    }
}
