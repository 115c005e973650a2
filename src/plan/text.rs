//! A plan in words, as `tierline plan` prints it: a section each for the inputs, the tiers, the
//! tiles, the dates to restate and the models.

use std::fmt::{self, Display, Formatter, Result};

use crate::ground::{SqlSchema, TableName, counted};
use crate::publish::ForeignCommit;

use super::affected::AffectedBy;
use super::rollups::RollupTiles;
use super::{CalibrationPlan, Plan, PlannedAction, SourcePlan};

/// How many missing days are named one by one.
const DAYS_NAMED: usize = 10;

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "job {}, snapshot date {}", self.job, self.snapshot_date)?;
        writeln!(f, "{}", self.action)?;
        let left: Vec<&str> = self.inspection.left_by_runs().collect();
        if !left.is_empty() {
            let tables = left.join(", ");
            writeln!(
                f,
                "first removes rows that a run left unpublished in {tables}"
            )?;
        }
        for ForeignCommit { table, version, .. } in self.inspection.foreign() {
            writeln!(
                f,
                "first puts back rows of {table} that somebody else changed in version {version}"
            )?;
        }
        self.write_inputs(f)?;
        self.write_tiers(f)?;
        self.write_all_tiles(f)?;
        self.write_affected(f)?;
        self.write_models(f)
    }
}

impl Plan {
    fn write_inputs(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "\ninputs")?;
        for source in &self.sources {
            writeln!(f, "  {source}")?;
        }
        for held in self.held_in_tiles() {
            writeln!(f, "  {held}")?;
        }
        for remark in self.remarks_on_history() {
            writeln!(f, "  {remark}")?;
        }
        if let Err(refusal) = self.check_history() {
            writeln!(f, "  a run would be refused: {refusal}")?;
        }
        if let Err(refusal) = self.check_files_needed() {
            writeln!(f, "  a run would be refused: {refusal}")?;
        }
        for warning in &self.delivery_warnings {
            writeln!(f, "  warning: {warning}")?;
        }
        let remarks = self.remarks_on_published().into_iter();
        for remark in remarks.chain(self.remarks_on_retired()) {
            writeln!(f, "  warning: {remark}")?;
        }
        Ok(())
    }

    fn write_tiers(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "\ntiers")?;
        self.write_calibration(f)?;
        match &self.previous {
            Some(previous) => {
                let date = previous.snapshot_date;
                writeln!(f, "  moves are counted from the snapshot of {date}")?;
            }
            None => writeln!(f, "  no earlier snapshot: every user is new to the tables")?,
        }
        let earlier = [("week", self.week_ago()), ("month", self.month_ago())];
        for (period, earlier) in earlier {
            if let Some(earlier) = earlier {
                let date = earlier.snapshot_date;
                writeln!(f, "  the matrix of the {period} is counted from {date}")?;
            }
        }
        write_days(f, "  never published in between", &self.gaps)
    }

    fn write_calibration(&self, f: &mut Formatter<'_>) -> Result {
        let next_id = self.calibrations.next(self.snapshot_date);
        match &self.calibration {
            CalibrationPlan::Use(calibration) => {
                let later = match self.is_before_all_calibrations() {
                    true => ", the earliest there are: this date is before all of them",
                    false => "",
                };
                let provisional = calibration.provisional_until.as_ref();
                let provisional = provisional
                    .map(|until| format!(", provisional until {until}"))
                    .unwrap_or_default();
                writeln!(f, "  cut points {}{provisional}{later}", calibration.id)
            }
            CalibrationPlan::Calibrate => writeln!(
                f,
                "  no cut points yet: this run calibrates them, and later runs keep them"
            ),
            CalibrationPlan::Keep(_) => writeln!(
                f,
                "  cut points as the job gives them by hand: this run keeps them as {next_id}"
            ),
        }
    }

    fn write_all_tiles(&self, f: &mut Formatter<'_>) -> Result {
        if !self.tiles.is_empty() {
            writeln!(f, "\ntiles")?;
        }
        for tiles in &self.tiles {
            self.write_tiles(f, tiles)?;
        }
        let (irreplaceable, bytes) = self.irreplaceable_tiles();
        if irreplaceable.is_empty() {
            return Ok(());
        }
        let (count, megabytes) = (irreplaceable.len(), bytes as f64 / 1e6);
        writeln!(
            f,
            "  {count} stored tiles, {megabytes:.1} MB, hold days whose raw files have expired: they must not be deleted"
        )
    }

    /// The tiles of one rollup: what is there, what is made and why, what is read for it.
    fn write_tiles(&self, f: &mut Formatter<'_>, tiles: &RollupTiles) -> Result {
        let plan = &tiles.plan;
        let to_make_others = match plan.reused_to_make_others() {
            0 => String::new(),
            others => format!(", {others} of them to make others"),
        };
        writeln!(
            f,
            "  {}: the windows need {}; {} reused{to_make_others}, {:.1} MB",
            plan.rollup,
            counted(plan.cover.len(), "tile"),
            plan.reused.len(),
            plan.reused_bytes() as f64 / 1e6
        )?;
        for (change, count) in plan.builds_by_change() {
            writeln!(f, "    {count} to make: {change}")?;
        }
        for source in &tiles.inputs.whole {
            writeln!(
                f,
                "    staging reads {source} across days, so any changed file rebuilds every tile"
            )?;
        }
        self.write_files_read(f, tiles)
    }

    fn write_files_read(&self, f: &mut Formatter<'_>, tiles: &RollupTiles) -> Result {
        for manifest in self.manifests.values() {
            let days = tiles.days_read(manifest);
            let read = manifest.on(&days);
            let (Some(first), Some(last)) = (days.first(), days.last()) else {
                continue;
            };
            if !read.files.is_empty() {
                writeln!(
                    f,
                    "    from {} of {}, {first} to {last}, {:.1} MB",
                    counted(read.files.len(), "file"),
                    manifest.source,
                    read.size_bytes() as f64 / 1e6
                )?;
            }
        }
        Ok(())
    }

    fn write_affected(&self, f: &mut Formatter<'_>) -> Result {
        if self.affected.is_empty() {
            return Ok(());
        }
        writeln!(f, "\npublished dates that need to be restated")?;
        for reason in [
            AffectedBy::Files,
            AffectedBy::Snapshot,
            AffectedBy::LostFiles,
            AffectedBy::BecameNewest,
        ] {
            let affected = self.affected.iter().filter(|one| one.by == reason);
            let dates: Vec<_> = affected.map(|affected| affected.date).collect();
            write_days(f, &format!("  {reason}"), &dates)?;
        }
        writeln!(
            f,
            "  `tierline backfill --affected` restates them, in the order of their dates"
        )?;
        write_days(
            f,
            "  by the rules they were published by, which are not today's",
            &self.by_other_rules(),
        )
    }

    fn write_models(&self, f: &mut Formatter<'_>) -> Result {
        let ranges = match self.ranges.get() {
            1 => String::new(),
            ranges => format!(", their users in up to {ranges} ranges"),
        };
        writeln!(f, "\nmodels, in order{ranges}")?;
        for model in &self.models {
            let mut note = match self.history_scans.contains(model) {
                true => "  (reads staging directly: scans the whole history)".to_owned(),
                false => self.note_on_own(model),
            };
            if self.undivided.contains(model) {
                note.push_str("  (needs all users at once: the snapshot is computed in one range)");
            }
            writeln!(f, "  {model}{note}")?;
        }
        Ok(())
    }

    /// What the job declares of a table of its own.
    fn note_on_own(&self, model: &TableName) -> String {
        let mut own = self.tables.own();
        let own = own.find(|own| model.schema == SqlSchema::Publish && own.name == model.name);
        let Some(own) = own else {
            return String::new();
        };
        let key = own.key.join(", ");
        let keeps = match own.dating.is_kept_whole() {
            true if !self.is_newest() => "the newest date, which this is not: left as it is",
            true => "the newest date",
            false => "every date",
        };
        format!("  (a table of the job's own, by {key}: keeps {keeps})")
    }
}

/// A line naming the first few days and how many more there are; nothing when there are none.
fn write_days<T: fmt::Display>(f: &mut Formatter<'_>, what: &str, days: &[T]) -> Result {
    if days.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = days.iter().take(DAYS_NAMED).map(T::to_string).collect();
    let more = match days.len().saturating_sub(DAYS_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    writeln!(f, "{what}: {}{more}", named.join(", "))
}

impl Display for PlannedAction {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Nothing { run_id } => write!(
                f,
                "nothing to do: run {run_id} published this date from identical inputs"
            ),
            Self::Publish => write!(f, "publishes this date for the first time"),
            Self::Replace { run_id, changed } => {
                let changed = changed.join(", ");
                write!(
                    f,
                    "replaces what run {run_id} published; changed since: {changed}"
                )
            }
        }
    }
}

impl Display for SourcePlan {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Some((first, last)) = self.span else {
            return write!(f, "{}: no files", self.name);
        };
        write!(
            f,
            "{}: {} of {}, {first} to {last}, {:.1} MB",
            self.name,
            counted(self.files, "file"),
            counted(self.days, "day"),
            self.bytes as f64 / 1e6
        )?;
        match self.delta_version {
            Some(version) => write!(f, ", of its Delta table at version {version}"),
            None => Ok(()),
        }
    }
}
