//! Cut points given by hand, compared with the metrics of the calibration model.

use crate::ground::{Diagnostic, ExactNumber, Problems, did_you_mean};
use crate::job::{GivenCuts, Job};

/// A metric that cut points are of: a column of the calibration model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// As the calibration model calls it.
    pub name: String,
    /// How many digits its values have at most.
    pub digits: u8,
    /// How many of them are behind the decimal point.
    pub scale: u8,
}

/// The cut points of every metric, in the order of the metrics, each with as many digits behind
/// the point as the metric has.
///
/// # Errors
/// Metrics that there are not, metrics without cut points, and cut points that lie between two
/// values of their metric or have too many digits, each at its place in the job file.
pub fn fit_given(
    job: &Job,
    given: &[GivenCuts],
    metrics: &[Metric],
) -> Result<Vec<GivenCuts>, Problems> {
    let mut problems = Problems::default();
    for cuts in given {
        problems.keep(check_known(job, &cuts.metric, metrics));
    }
    let of = |metric: &Metric| given.iter().find(|cuts| cuts.metric == metric.name);
    let missing: Vec<&str> = metrics
        .iter()
        .filter(|metric| of(metric).is_none())
        .map(|metric| metric.name.as_str())
        .collect();
    if let Some(first) = missing.first() {
        let message = format!(
            "[calibration] gives no cut points of `{}`",
            missing.join("`, `")
        );
        let help =
            format!("give those of every metric, such as {first} = [1, 2, 4, 8], or of none");
        problems.push(job.problem("calibration", message).help(help));
    }
    let mut fitted = Vec::new();
    for (metric, cuts) in metrics
        .iter()
        .filter_map(|metric| Some((metric, of(metric)?)))
    {
        fitted.extend(problems.keep(fit_one(job, cuts, metric)));
    }
    problems.or_ok(fitted)
}

fn check_known(job: &Job, name: &str, metrics: &[Metric]) -> Result<(), Diagnostic> {
    if metrics.iter().any(|metric| metric.name == name) {
        return Ok(());
    }
    let names = metrics.iter().map(|metric| metric.name.as_str());
    let near = did_you_mean(name, names.clone());
    let message = format!("[calibration] gives cut points of an unknown metric `{name}`{near}");
    let known = names.collect::<Vec<_>>().join(", ");
    let help = format!("the metrics are the columns of the calibration model: {known}");
    Err(job
        .problem(&format!("calibration.{name}"), message)
        .help(help))
}

fn fit_one(job: &Job, given: &GivenCuts, metric: &Metric) -> Result<GivenCuts, Diagnostic> {
    let mut fitted = given.clone();
    for cut in &mut fitted.cuts {
        *cut = cut
            .at_scale(metric.scale)
            .ok_or_else(|| unfit(job, *cut, metric))?;
    }
    Ok(fitted)
}

/// A cut point that no number with the digits of the metric is equal to.
fn unfit(job: &Job, cut: ExactNumber, metric: &Metric) -> Diagnostic {
    let Metric {
        name,
        digits,
        scale,
    } = metric;
    let what = match cut.scale > *scale {
        true => "is not a value that the metric can take",
        false => "has more digits than its values",
    };
    let help = match scale {
        0 => format!("its values are whole numbers of at most {digits} digits"),
        scale => {
            format!("its values have at most {digits} digits, {scale} of them behind the point")
        }
    };
    let message = format!("cut point {cut} of `{name}` {what}");
    job.problem(&format!("calibration.{name}"), message)
        .help(help)
}
