//! The bands of `reference/value_tiers.csv`: every RFM total lies in exactly one.

use std::ops::RangeInclusive;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{DataType, Int64Type};

use crate::ground::{Diagnostic, Problems};
use crate::models::ReferenceTable;

/// Refuses bands with holes and overlaps, and bands that nobody can be in. `totals` are those from
/// the smallest to the largest that there are.
///
/// # Errors
/// Every total that lies in no band, or in several, and every band without a total, pointing at
/// a band's line.
pub fn check(bands: &ReferenceTable, totals: &RangeInclusive<i64>) -> Result<(), Problems> {
    let ranges = ranges(bands).map_err(|reason| {
        let message = format!("`{}` cannot be used as bands: {reason}", bands.name);
        let help = "it needs the columns tier, and min_total and max_total with whole numbers";
        Problems(vec![at_line(bands, 1, message).help(help)])
    })?;
    let mut problems = Problems::default();
    problems.extend(unscored(bands, &ranges));
    for total in totals.clone() {
        let holding: Vec<&Band> = ranges.iter().filter(|band| band.holds(total)).collect();
        match holding.as_slice() {
            [_] => {}
            [] => problems.push(hole(bands, &ranges, total, totals)),
            [.., last] => problems.push(overlap(bands, &holding, last, total, totals)),
        }
    }
    for band in ranges.iter().filter(|band| band.is_empty(totals)) {
        let message = format!("no total lies in the band `{}`", band.tier);
        let (first, last) = (totals.start(), totals.end());
        problems.push(at_line(bands, band.line, message).help(format!(
            "totals run from {first} to {last}, and min_total must not be above max_total; correct the bounds, or take the band out"
        )));
    }
    problems.or_ok(())
}

/// The tier of users who are not scored; none where the table is not one of bands.
pub fn unscored_tier(bands: &ReferenceTable) -> Option<String> {
    let mut ranges = ranges(bands).ok()?.into_iter();
    let unscored = ranges.find(|band| matches!(band.totals, Totals::Unscored));
    unscored.map(|band| band.tier)
}

struct Band {
    tier: String,
    /// The line in the file, counted from 1.
    line: u64,
    totals: Totals,
}

/// The totals of a band.
#[derive(Clone, Copy)]
enum Totals {
    /// From the one to the other.
    Between(i64, i64),
    /// None: for users who are not scored.
    Unscored,
    /// One of the bounds is missing.
    HalfOpen,
}

impl Band {
    fn holds(&self, total: i64) -> bool {
        matches!(self.totals, Totals::Between(from, to) if (from..=to).contains(&total))
    }

    fn is_empty(&self, totals: &RangeInclusive<i64>) -> bool {
        let is_scored = matches!(self.totals, Totals::Between(..));
        is_scored && !totals.clone().any(|total| self.holds(total))
    }
}

/// The bands, or why the columns are not those of bands.
fn ranges(bands: &ReferenceTable) -> Result<Vec<Band>, String> {
    let rows = &bands.rows;
    let column = |name: &str| {
        let column = rows.column_by_name(name);
        column.ok_or_else(|| format!("there is no column `{name}`"))
    };
    let bound = |name: &str| {
        let column = column(name)?;
        match column.data_type() {
            DataType::Int64 => Ok(column.as_primitive::<Int64Type>()),
            _ => Err(format!("`{name}` has values that are not whole numbers")),
        }
    };
    let (minimum, maximum) = (bound("min_total")?, bound("max_total")?);
    let tiers = column("tier")?.as_string_opt::<i32>();
    let tiers = tiers.ok_or("`tier` is not a text column")?;
    let band = |row: usize| Band {
        tier: tiers.value(row).to_owned(),
        line: bands.line_of(row),
        totals: match (minimum.is_valid(row), maximum.is_valid(row)) {
            (true, true) => Totals::Between(minimum.value(row), maximum.value(row)),
            (false, false) => Totals::Unscored,
            _ => Totals::HalfOpen,
        },
    };
    Ok((0..rows.num_rows()).map(band).collect())
}

/// Exactly one band is for users who are not scored, and no band has one bound alone.
fn unscored(bands: &ReferenceTable, ranges: &[Band]) -> Problems {
    let mut problems = Problems::default();
    let of_unscored = |band: &&Band| matches!(band.totals, Totals::Unscored);
    let half_open = |band: &&Band| matches!(band.totals, Totals::HalfOpen);
    for band in ranges.iter().filter(half_open) {
        let message = format!("the band `{}` has one bound alone", band.tier);
        problems.push(
            at_line(bands, band.line, message)
                .help("give it min_total and max_total; the band of users without a counting order has neither"),
        );
    }
    let surplus = ranges
        .iter()
        .filter(of_unscored)
        .skip(1)
        .map(|band| band.line);
    let missing = (!ranges.iter().any(|band| of_unscored(&band))).then_some(1);
    for line in surplus.chain(missing) {
        let message = "exactly one band must have no min_total and max_total";
        problems.push(
            at_line(bands, line, message.to_owned())
                .help("it is the tier of users without a counting order"),
        );
    }
    problems
}

fn covering(totals: &RangeInclusive<i64>) -> String {
    let (first, last) = (totals.start(), totals.end());
    format!("bands must cover every total from {first} to {last} once")
}

fn hole(
    bands: &ReferenceTable,
    ranges: &[Band],
    total: i64,
    totals: &RangeInclusive<i64>,
) -> Diagnostic {
    let below = ranges
        .iter()
        .filter_map(|band| match band.totals {
            Totals::Between(_, to) if to < total => Some((to, band.line)),
            _ => None,
        })
        .max();
    let message = format!("the total {total} lies in no band of `{}`", bands.name);
    at_line(bands, below.map_or(1, |(_, line)| line), message).help(covering(totals))
}

fn overlap(
    bands: &ReferenceTable,
    holding: &[&Band],
    last: &Band,
    total: i64,
    totals: &RangeInclusive<i64>,
) -> Diagnostic {
    let tiers: Vec<&str> = holding.iter().map(|band| band.tier.as_str()).collect();
    let message = format!(
        "the total {total} lies in several bands of `{}`: {}",
        bands.name,
        tiers.join(", ")
    );
    at_line(bands, last.line, message).help(covering(totals))
}

fn at_line(bands: &ReferenceTable, line: u64, message: String) -> Diagnostic {
    let place = bands.file.byte_at(line, 1)..bands.file.byte_at(line, u64::MAX);
    Diagnostic::at(&bands.file, place, message)
}
