//! Dimensions: what a user can be, from the rows of `dim_tier`.

use datafusion::arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, Schema};
use datafusion::arrow::error::ArrowError;

use crate::config::job::Job;
use crate::ground::{Diagnostic, Problems, did_you_mean};

/// The name in `dim_tier` under which warnings stand: each value is a column that is true or
/// false, so a user may have several, and nobody moves from one to another.
pub const WARNING: &str = "warning";

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
    /// How long a demotion must hold before it shows, in days.
    pub grace_days: u32,
    /// Whether today's value and a waiting demotion are published beside the shown value: so for
    /// every dimension that the job gives a grace, be it 0.
    pub has_raw: bool,
}

impl Dimension {
    /// The rank of a value, when the dimension knows and orders it.
    pub fn rank(&self, tier: &str) -> Option<i64> {
        self.tiers.iter().find(|known| known.name == tier)?.rank
    }

    /// Whether a published snapshot of these columns has the dimension.
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
    /// Reads the dimensions off the rows of `dim_tier`: dimension, tier, rank. Warnings are left
    /// out.
    ///
    /// # Errors
    /// Values listed twice, dimensions with some ranks missing, and grace for dimensions that do
    /// not exist or have no ranks.
    pub fn read(rows: &RecordBatch, job: &Job) -> Result<Self, Problems> {
        let listed = listed_tiers(rows).map_err(|error| {
            Problems(vec![
                Diagnostic::new(format!("`publish.dim_tier` cannot be used: {error}"))
                    .help("it needs the columns dimension and tier (VARCHAR) and rank (BIGINT)"),
            ])
        })?;
        let mut dimensions: Vec<Dimension> = Vec::new();
        for (name, tier) in listed.into_iter().filter(|(name, _)| name != WARNING) {
            match dimensions
                .iter_mut()
                .find(|dimension| dimension.name == name)
            {
                Some(dimension) => dimension.tiers.push(tier),
                None => dimensions.push(Dimension {
                    grace_days: job.grace_days.get(&name).copied().unwrap_or_default(),
                    has_raw: job.grace_days.contains_key(&name),
                    name,
                    tiers: vec![tier],
                }),
            }
        }
        let mut problems = Problems::default();
        for dimension in &dimensions {
            problems.extend(check_tiers(dimension));
        }
        for name in job.grace_days.keys() {
            problems.keep(check_grace(name, &dimensions, job));
        }
        problems.or_ok(Self(dimensions))
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
/// Arrow's, when columns are missing.
pub fn warnings(rows: &RecordBatch) -> Result<Vec<String>, ArrowError> {
    let warnings = listed_tiers(rows)?.into_iter();
    let warnings = warnings.filter(|(dimension, _)| dimension == WARNING);
    Ok(warnings.map(|(_, tier)| tier.name).collect())
}

fn listed_tiers(rows: &RecordBatch) -> Result<Vec<(String, Tier)>, ArrowError> {
    let text = |name: &str| -> Result<StringArray, ArrowError> {
        let column = rows.column(rows.schema().index_of(name)?);
        Ok(cast(column, &DataType::Utf8)?.as_string::<i32>().clone())
    };
    let ranks: Int64Array = cast(
        rows.column(rows.schema().index_of("rank")?),
        &DataType::Int64,
    )?
    .as_primitive::<Int64Type>()
    .clone();
    let (dimensions, tiers) = (text("dimension")?, text("tier")?);
    let rows = 0..rows.num_rows();
    Ok(rows
        .map(|row| {
            let tier = Tier {
                name: tiers.value(row).to_owned(),
                rank: ranks.is_valid(row).then(|| ranks.value(row)),
            };
            (dimensions.value(row).to_owned(), tier)
        })
        .collect())
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
            problems.push(Diagnostic::new(message).help("list each value of a dimension once"));
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

fn check_grace(name: &str, dimensions: &[Dimension], job: &Job) -> Result<(), Diagnostic> {
    let problem = |message: String| job.problem(&format!("grace_days.{name}"), message);
    let Some(dimension) = dimensions.iter().find(|dimension| dimension.name == name) else {
        let near = did_you_mean(
            name,
            dimensions.iter().map(|dimension| dimension.name.as_str()),
        );
        return Err(problem(format!(
            "grace_days names an unknown dimension `{name}`{near}"
        )));
    };
    if dimension.tiers.iter().any(|tier| tier.rank.is_none()) && dimension.grace_days > 0 {
        let message = format!("grace_days names `{name}`, whose tiers have no ranks");
        return Err(
            problem(message).help("grace delays demotions; only ranked dimensions have them")
        );
    }
    Ok(())
}
