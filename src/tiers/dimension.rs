//! Dimensions: what a user can be, from the rows of `dim_tier`.

use std::collections::BTreeMap;

use datafusion::arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, Schema};
use datafusion::arrow::error::ArrowError;

use crate::ground::{Diagnostic, Problems, did_you_mean};
use crate::job::Job;

use super::delay::Delay;

/// The name in `dim_tier` under which warnings stand: each value is a column that is true or
/// false, so a user may have several, and nobody moves from one to another.
pub const WARNING: &str = "warning";

/// What to do about a value that `dim_tier` lists twice.
const VALUE_TWICE_HELP: &str = "list each value of a dimension once";
const WARNING_TWICE_HELP: &str = "list each warning once";

/// The sections of the job file with the days that other values wait.
const GRACE_DAYS: &str = "grace_days";
const HOLD_DAYS: &str = "hold_days";

/// One value of a dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// The value in the tables.
    pub name: String,
    /// Higher is better; none in dimensions without an order.
    pub rank: Option<i64>,
}

/// A dimension: a column of the snapshot with a fixed set of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimension {
    /// The column's name.
    pub name: String,
    /// Its values, in the order of `dim_tier`.
    pub tiers: Vec<Tier>,
    /// What another value waits for before it shows.
    pub delay: Delay,
}

impl Dimension {
    /// The rank of a value, when the dimension knows and orders it.
    pub fn rank(&self, tier: &str) -> Option<i64> {
        self.tiers.iter().find(|known| known.name == tier)?.rank
    }

    /// Whether all of its values have a rank.
    pub fn is_ranked(&self) -> bool {
        self.tiers.iter().all(|tier| tier.rank.is_some())
    }

    /// Whether a published snapshot whose files have these columns has the dimension: the value,
    /// and since when.
    pub fn is_in(&self, snapshot: &Schema) -> bool {
        let since = format!("{}_since", self.name);
        [&self.name, &since]
            .iter()
            .all(|column| snapshot.field_with_name(column).is_ok())
    }
}

/// The dimensions of a snapshot, in the order of `dim_tier`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimensions(pub Vec<Dimension>);

impl Dimensions {
    /// The dimensions that the rows of `dim_tier` list (dimension, tier, rank), with the grace that
    /// a night of the job gives them, and the `hold_days` of those without ranks.
    ///
    /// # Errors
    /// As [`Dimensions::listed`], delays of dimensions that do not exist, grace for dimensions
    /// without ranks, and hold for those with ranks.
    pub fn read(
        rows: &RecordBatch,
        job: &Job,
        hold_days: &BTreeMap<String, u32>,
    ) -> Result<Self, Problems> {
        let (mut dimensions, mut problems) = group(listed_tiers(rows)?);
        let grace_days = job.grace_days_or_default();
        for dimension in &mut dimensions.0 {
            dimension.delay = delay_of(dimension, job, &grace_days, hold_days);
        }
        for name in job.grace_days.keys() {
            problems.keep(check_grace(name, &dimensions.0, job));
        }
        for (name, days) in job.hold_days.iter().flatten() {
            problems.keep(check_hold(name, *days, &dimensions.0, job));
        }
        problems.or_ok(dimensions)
    }

    /// The dimensions that the rows of `dim_tier` list, without delays: what is published is read
    /// so, since its job may have said something else. Warnings are left out.
    ///
    /// # Errors
    /// Rows without a dimension or tier, values listed twice, and dimensions with some ranks
    /// missing.
    pub fn listed(rows: &RecordBatch) -> Result<Self, Problems> {
        let (dimensions, problems) = group(listed_tiers(rows)?);
        problems.or_ok(dimensions)
    }

    /// Those that a published snapshot of these columns has.
    #[must_use]
    pub fn in_snapshot(&self, snapshot: &Schema) -> Self {
        let known = self.iter().filter(|dimension| dimension.is_in(snapshot));
        Self(known.cloned().collect())
    }

    /// The dimensions, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Dimension> {
        self.0.iter()
    }
}

/// The warnings that `dim_tier` lists.
///
/// # Errors
/// Missing columns, and rows without a dimension or tier.
pub fn warnings(rows: &RecordBatch) -> Result<Vec<String>, Problems> {
    let listed = listed_tiers(rows)?.into_iter();
    let listed = listed.filter(|(dimension, _)| dimension == WARNING);
    let mut problems = Problems::default();
    let mut warnings = Vec::new();
    for (_, Tier { name, .. }) in listed {
        if warnings.contains(&name) {
            let message = format!("dim_tier lists the warning `{name}` twice");
            problems.push(Diagnostic::new(message).help(WARNING_TWICE_HELP));
        }
        warnings.push(name);
    }
    problems.or_ok(warnings)
}

/// Whether a problem is that of a value, or a warning, which `dim_tier` lists twice.
pub fn is_listed_twice(problem: &Diagnostic) -> bool {
    let help = problem.help.as_deref();
    help.is_some_and(|help| [VALUE_TWICE_HELP, WARNING_TWICE_HELP].contains(&help))
}

/// The rows of `dim_tier`: dimension and tier.
fn listed_tiers(rows: &RecordBatch) -> Result<Vec<(String, Tier)>, Problems> {
    let columns = Columns::of(rows).map_err(|error| {
        Problems(vec![
            Diagnostic::new(format!("`publish.dim_tier` cannot be used: {error}"))
                .help("it needs the columns dimension and tier (VARCHAR) and rank (BIGINT)"),
        ])
    })?;
    let mut problems = Problems::default();
    let listed = (0..rows.num_rows()).filter_map(|row| problems.keep(columns.row(row)));
    let listed = listed.collect();
    problems.or_ok(listed)
}

/// The columns of `dim_tier` that are more than labels.
struct Columns {
    dimensions: StringArray,
    tiers: StringArray,
    ranks: Int64Array,
}

impl Columns {
    fn of(rows: &RecordBatch) -> Result<Self, ArrowError> {
        let column = |name: &str, data_type: &DataType| {
            cast(rows.column(rows.schema().index_of(name)?), data_type)
        };
        let text = |name: &str| -> Result<StringArray, ArrowError> {
            Ok(column(name, &DataType::Utf8)?.as_string::<i32>().clone())
        };
        Ok(Self {
            dimensions: text("dimension")?,
            tiers: text("tier")?,
            ranks: column("rank", &DataType::Int64)?
                .as_primitive::<Int64Type>()
                .clone(),
        })
    }

    fn row(&self, row: usize) -> Result<(String, Tier), Diagnostic> {
        let value = |texts: &StringArray| texts.is_valid(row).then(|| texts.value(row).to_owned());
        let (dimension, tier) = (value(&self.dimensions), value(&self.tiers));
        let rank = self.ranks.is_valid(row).then(|| self.ranks.value(row));
        match (dimension, tier) {
            (Some(dimension), Some(name)) => Ok((dimension, Tier { name, rank })),
            (None, Some(tier)) => Err(incomplete(row, &format!("no dimension for `{tier}`"))),
            (Some(dimension), None) => Err(incomplete(row, &format!("no tier of `{dimension}`"))),
            (None, None) => Err(incomplete(row, "neither dimension nor tier")),
        }
    }
}

/// Rows are counted from 1, in the order of `dim_tier`.
fn incomplete(row: usize, lacking: &str) -> Diagnostic {
    let message = format!("row {} of dim_tier names {lacking}", row + 1);
    Diagnostic::new(message).help("give every row of dim_tier a dimension and a tier")
}

/// The tiers by dimension, warnings left out, and what is wrong with them.
fn group(listed: Vec<(String, Tier)>) -> (Dimensions, Problems) {
    let mut dimensions: Vec<Dimension> = Vec::new();
    for (name, tier) in listed.into_iter().filter(|(name, _)| name != WARNING) {
        match dimensions
            .iter_mut()
            .find(|dimension| dimension.name == name)
        {
            Some(dimension) => dimension.tiers.push(tier),
            None => dimensions.push(Dimension {
                name,
                tiers: vec![tier],
                delay: Delay::None,
            }),
        }
    }
    let mut problems = Problems::default();
    for dimension in &dimensions {
        problems.extend(check_tiers(dimension));
    }
    (Dimensions(dimensions), problems)
}

fn check_tiers(dimension: &Dimension) -> Problems {
    let mut problems = Problems::default();
    for (index, tier) in dimension.tiers.iter().enumerate() {
        let earlier = &dimension.tiers[..index];
        if earlier.iter().any(|other| other.name == tier.name) {
            let message = format!(
                "dim_tier lists `{}` of `{}` twice",
                tier.name, dimension.name
            );
            problems.push(Diagnostic::new(message).help(VALUE_TWICE_HELP));
        }
    }
    let ranked = dimension
        .tiers
        .iter()
        .filter(|tier| tier.rank.is_some())
        .count();
    if ranked != 0 && ranked != dimension.tiers.len() {
        let message = format!(
            "dim_tier gives only some tiers of `{}` a rank",
            dimension.name
        );
        problems.push(Diagnostic::new(message).help("rank all tiers of a dimension, or none"));
    }
    problems
}

/// Grace of ranked dimensions, as written or by default; hold of the others.
fn delay_of(
    dimension: &Dimension,
    job: &Job,
    grace_days: &BTreeMap<String, u32>,
    hold_days: &BTreeMap<String, u32>,
) -> Delay {
    let name = &dimension.name;
    let grace = grace_days.get(name).copied().map(Delay::Grace);
    if dimension.is_ranked() {
        return grace.unwrap_or_default();
    }
    let grace = grace.filter(|_| job.grace_days.contains_key(name));
    let hold = hold_days.get(name).copied().map(Delay::Hold);
    hold.or(grace).unwrap_or_default()
}

fn check_grace(name: &str, dimensions: &[Dimension], job: &Job) -> Result<(), Diagnostic> {
    let dimension = delayed(GRACE_DAYS, name, dimensions, job)?;
    if dimension.is_ranked() || job.grace_days.get(name) == Some(&0) {
        return Ok(());
    }
    let message = format!("{GRACE_DAYS} names `{name}`, whose tiers have no ranks");
    Err(job
        .problem(&format!("{GRACE_DAYS}.{name}"), message)
        .help("grace delays demotions, which only ranked dimensions have; of others [hold_days] delays every change"))
}

fn check_hold(
    name: &str,
    days: u32,
    dimensions: &[Dimension],
    job: &Job,
) -> Result<(), Diagnostic> {
    let dimension = delayed(HOLD_DAYS, name, dimensions, job)?;
    if !dimension.is_ranked() || days == 0 {
        return Ok(());
    }
    let message = format!("{HOLD_DAYS} names `{name}`, whose tiers have ranks");
    Err(job
        .problem(&format!("{HOLD_DAYS}.{name}"), message)
        .help("hold is for dimensions without ranks; of ranked ones [grace_days] delays demotions"))
}

/// The dimension that a key of a section names.
fn delayed<'a>(
    section: &str,
    name: &str,
    dimensions: &'a [Dimension],
    job: &Job,
) -> Result<&'a Dimension, Diagnostic> {
    let mut known = dimensions.iter();
    known
        .find(|dimension| dimension.name == name)
        .ok_or_else(|| {
            let names = dimensions.iter().map(|dimension| dimension.name.as_str());
            let near = did_you_mean(name, names);
            let message = format!("{section} names an unknown dimension `{name}`{near}");
            job.problem(&format!("{section}.{name}"), message)
        })
}
