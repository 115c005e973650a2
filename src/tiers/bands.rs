//! The bands of `reference/value_tiers.csv`: every RFM total from 3 to 15 lies in exactly one.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{DataType, Int64Type};

use crate::ground::{Diagnostic, Problems};
use crate::models::ReferenceTable;

/// The smallest and the largest RFM total.
const TOTALS: std::ops::RangeInclusive<i64> = 3..=15;

/// Refuses bands with holes and overlaps.
///
/// # Errors
/// Every total that lies in no band, or in several, pointing at a band's line.
pub fn check(bands: &ReferenceTable) -> Result<(), Problems> {
    let ranges = ranges(bands).map_err(|reason| {
        let message = format!("`{}` cannot be used as bands: {reason}", bands.name);
        let help = "it needs the columns tier, and min_total and max_total with whole numbers";
        Problems(vec![at_line(bands, 1, message).help(help)])
    })?;
    let mut problems = Problems::default();
    if ranges.iter().filter(|band| band.totals.is_none()).count() != 1 {
        let message = "exactly one band must have no min_total and max_total";
        problems.push(
            Diagnostic::at(&bands.file, 0..0, message)
                .help("it is the tier of users without a counting order"),
        );
    }
    for total in TOTALS {
        let holding: Vec<&Band> = ranges.iter().filter(|band| band.holds(total)).collect();
        match holding.as_slice() {
            [_] => {}
            [] => problems.push(hole(bands, &ranges, total)),
            [.., last] => problems.push(overlap(bands, &holding, last, total)),
        }
    }
    problems.or_ok(())
}

struct Band {
    tier: String,
    /// The line in the file, counted from 1.
    line: u64,
    totals: Option<(i64, i64)>,
}

impl Band {
    fn holds(&self, total: i64) -> bool {
        self.totals
            .is_some_and(|(from, to)| (from..=to).contains(&total))
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
            _ => Err(format!("`{name}` has values that are no whole numbers")),
        }
    };
    let (minimum, maximum) = (bound("min_total")?, bound("max_total")?);
    let tiers = column("tier")?.as_string_opt::<i32>();
    let tiers = tiers.ok_or("`tier` has no texts")?;
    let band = |row: usize| Band {
        tier: tiers.value(row).to_owned(),
        line: row as u64 + 2,
        totals: (minimum.is_valid(row) && maximum.is_valid(row))
            .then(|| (minimum.value(row), maximum.value(row))),
    };
    Ok((0..rows.num_rows()).map(band).collect())
}

fn hole(bands: &ReferenceTable, ranges: &[Band], total: i64) -> Diagnostic {
    let below = ranges
        .iter()
        .filter(|band| band.totals.is_some_and(|(_, to)| to < total))
        .max_by_key(|band| band.totals);
    let message = format!("the total {total} lies in no band of `{}`", bands.name);
    at_line(bands, below.map_or(1, |band| band.line), message)
        .help("bands must cover every total from 3 to 15 once")
}

fn overlap(bands: &ReferenceTable, holding: &[&Band], last: &Band, total: i64) -> Diagnostic {
    let tiers: Vec<&str> = holding.iter().map(|band| band.tier.as_str()).collect();
    let message = format!(
        "the total {total} lies in several bands of `{}`: {}",
        bands.name,
        tiers.join(", ")
    );
    at_line(bands, last.line, message).help("bands must cover every total from 3 to 15 once")
}

fn at_line(bands: &ReferenceTable, line: u64, message: String) -> Diagnostic {
    let place = bands.file.byte_at(line, 1)..bands.file.byte_at(line, u64::MAX);
    Diagnostic::at(&bands.file, place, message)
}
