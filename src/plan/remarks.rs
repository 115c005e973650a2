//! What is worth a look in a plan, reported as the warnings of the run.

use std::collections::BTreeSet;

use crate::ground::{counted, verb_for};
use crate::job::Job;

use super::{CalibrationPlan, Plan};

/// Days that sources or snapshots lack, what is worth a warning about the delivered files, and
/// dates that late data affects.
pub(crate) fn remarks_on(job: &Job, plan: &Plan) -> Vec<String> {
    let mut remarks = plan.remarks_on_published();
    remarks.extend(plan.remarks_on_history());
    remarks.extend(missing_days(job, plan));
    remarks.extend(plan.delivery_warnings.iter().cloned());
    remarks.extend(cut_points_of_later(plan));
    remarks.extend(no_longer_provisional(plan));
    remarks.extend(plan.remarks_on_retired());
    // What a refused night is to do first is in the refusal.
    if plan.check_history().is_ok() {
        remarks.extend(advice(plan));
    }
    remarks
}

/// What to run next: dates that were never published, and dates that late data affects.
fn advice(plan: &Plan) -> Vec<String> {
    let mut remarks = Vec::new();
    if let (Some(first), Some(last)) = (plan.gaps.first(), plan.gaps.last()) {
        remarks.push(format!(
            "{} before this one {} never published: {first} to {last}; `tierline backfill --from {first} --to {last}` does so",
            counted(plan.gaps.len(), "day"),
            verb_for(plan.gaps.len(), "was", "were")
        ));
    }
    if let Some(first) = plan.affected.first().filter(|_| !plan.is_followed) {
        remarks.push(format!(
            "published dates to restate: {}, from {} on; `tierline backfill --affected` does so",
            plan.affected.len(),
            first.date
        ));
    }
    remarks
}

/// That D is scored by cut points of a later date.
fn cut_points_of_later(plan: &Plan) -> Option<String> {
    match &plan.calibration {
        CalibrationPlan::Use(calibration) if plan.is_before_all_calibrations() => Some(format!(
            "scored by the cut points {}, the earliest there are: {} is before all of them",
            calibration.id, plan.snapshot_date
        )),
        _ => None,
    }
}

/// That the cut points were made on a history which has grown to what they look back since.
fn no_longer_provisional(plan: &Plan) -> Option<String> {
    let CalibrationPlan::Use(calibration) = &plan.calibration else {
        return None;
    };
    let until = calibration.provisional_until.as_ref()?;
    // Dates of this form come in the order of their texts.
    (plan.snapshot_date.to_string() >= *until).then(|| {
        format!(
            "the cut points {} were made on a short history, which is long enough since {until}: compare them with new ones by `tierline calibrate`",
            calibration.id
        )
    })
}

/// Required sources that have no files for some days since the previous snapshot, or since their
/// first file when there is none.
fn missing_days<'a>(job: &'a Job, plan: &'a Plan) -> impl Iterator<Item = String> + 'a {
    let required = plan.histories.iter();
    let required = required.filter(|(name, _)| job.sources[*name].required);
    required.filter_map(|(name, history)| {
        let delivered: BTreeSet<_> = history.days.keys().copied().collect();
        let first = match &plan.previous {
            Some(previous) => previous.snapshot_date.day().succ_opt()?,
            None => *delivered.first()?,
        };
        let days = first.iter_days();
        let days = days.take_while(|day| *day <= plan.snapshot_date.day());
        let missing: Vec<_> = days.filter(|day| !delivered.contains(day)).collect();
        let (first, last) = (missing.first()?, missing.last()?);
        Some(match missing.len() {
            1 => format!("source `{name}` has no files for {first}"),
            count => format!("source `{name}` has no files for {count} days, {first} to {last}"),
        })
    })
}
