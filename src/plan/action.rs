//! Whether D is to be published: what its rows depend on today, against what it was published from.

use crate::ground::Fingerprint;
use crate::pack::Project;
use crate::publish::Publication;

use super::affected::became_newest;
use super::facts::Facts;
use super::planned_action::PlannedAction;

/// Part of every input fingerprint: raised when the same inputs would give other rows.
const ROWS_VERSION: &str = "5";

/// What has changed where nothing on record has, and the rules are the same.
const COMPARED_OR_TIERLINE: &str =
    "the snapshot of a week or four weeks before it, or how tierline makes rows";

const SOURCE_FILES: &str = "source files";

/// The same where all of them seem to be copies.
const SOURCE_FILES_ELSEWHERE: &str = "source files, which all have other paths now: a copy in another folder or bucket counts as new files";

/// What has changed where published files are gone: the same rows are republished.
pub(super) const LOST_FILES: &str = "published files, which are missing";

/// What has changed where a later date was withdrawn, and D was published before it had to keep the
/// tables of the newest date.
const BECAME_NEWEST: &str = "which date is the newest: it is this one now";

impl Facts {
    /// Whether D is published already, and from the same inputs.
    pub(super) fn action(&self, project: &Project, rules: &Fingerprint) -> PlannedAction {
        let Some(published) = self.publications.newest_for(self.snapshot_date) else {
            return PlannedAction::Publish;
        };
        let run_id = published.run_id.clone();
        if self.publications.is_final(self.snapshot_date) {
            return PlannedAction::Nothing { run_id };
        }
        let has_same_inputs = self.calibration.id().is_some_and(|id| {
            self.input_fingerprint(rules, id).as_str() == published.input_fingerprint
        });
        let became_newest = became_newest(published, &self.publications);
        if has_same_inputs && !self.lacks_files() && !became_newest {
            return PlannedAction::Nothing { run_id };
        }
        let mut changed = match has_same_inputs {
            true => Vec::new(),
            false => self.changes_since(project, rules, published),
        };
        changed.extend(self.lacks_files().then_some(LOST_FILES));
        changed.extend(became_newest.then_some(BECAME_NEWEST));
        PlannedAction::Replace { run_id, changed }
    }

    /// The cut points that D is scored by: their id is known before they are.
    pub(super) fn cutpoints_id(&self) -> String {
        let known = self.calibration.id().map(str::to_owned);
        known.unwrap_or_else(|| self.calibrations.next(self.snapshot_date))
    }

    /// Everything that the rows of D depend on, scored by some cut points. What earlier dates have
    /// depended on is part of the run that the previous snapshot comes from.
    pub(super) fn input_fingerprint(&self, rules: &Fingerprint, cutpoints_id: &str) -> Fingerprint {
        let week_ago = self.publications.week_before(self.snapshot_date);
        let month_ago = self.publications.month_before(self.snapshot_date);
        let run_of =
            |published: &Publication| format!("{} {}", published.snapshot_date, published.run_id);
        Fingerprint::builder()
            .part("rows version", ROWS_VERSION)
            .part("snapshot date", &self.snapshot_date.to_string())
            .nested("rules", rules)
            .part("cut points", cutpoints_id)
            .parts("previous", self.previous().map(run_of))
            .parts("week ago", week_ago.map(run_of))
            .parts("month ago", month_ago.map(run_of))
            .nested("source files", &self.source_fingerprint)
            .finish()
    }

    /// The publication that D follows on.
    pub(super) fn previous(&self) -> Option<&Publication> {
        self.publications.previous_to(self.snapshot_date)
    }

    /// Whether files of D are gone.
    fn lacks_files(&self) -> bool {
        self.lost.iter().any(|lost| lost.date == self.snapshot_date)
    }

    /// What is other than when `published` was. Whatever the record does not distinguish is the job's
    /// settings; where these are the same, a snapshot that D is compared with besides, or tierline.
    fn changes_since(
        &self,
        project: &Project,
        rules: &Fingerprint,
        published: &Publication,
    ) -> Vec<&'static str> {
        let previous = self.previous().map(|previous| &previous.run_id);
        let is_comparable = Project::can_tell_apart(&published.sql_fingerprint);
        let source_files = match self.has_sources_elsewhere() {
            true => SOURCE_FILES_ELSEWHERE,
            false => SOURCE_FILES,
        };
        let is_changed = [
            ("how tierline records SQL", !is_comparable),
            (
                source_files,
                published.source_fingerprint != self.source_fingerprint.as_str(),
            ),
            (
                "SQL, parameters or reference files",
                is_comparable && published.sql_fingerprint != project.sql_fingerprint(),
            ),
            (
                "cut points",
                self.calibration.id() != Some(published.cutpoints_id.as_str()),
            ),
            (
                "the snapshot before it",
                published.previous_run_id.as_ref() != previous,
            ),
        ];
        let changed = is_changed.into_iter().filter(|(_, is_changed)| *is_changed);
        let changed: Vec<_> = changed.map(|(what, _)| what).collect();
        let has_same_rules = published.rules_fingerprint.as_deref() == Some(rules.as_str());
        match (changed.is_empty(), has_same_rules) {
            (true, true) => vec![COMPARED_OR_TIERLINE],
            (true, false) => vec!["settings of the job"],
            (false, _) => changed,
        }
    }

    /// Whether all days that were known have the same number of files and bytes, at other paths.
    fn has_sources_elsewhere(&self) -> bool {
        let both = self.visible.iter().flat_map(|(source, history)| {
            let known = self.known.0.get(source).into_iter().flatten();
            known.filter_map(|(day, before)| Some((before, history.days.get(day)?)))
        });
        let mut both = both.filter(|(_, now)| !now.is_expired).peekable();
        both.peek().is_some() && both.all(|(before, now)| before.files.are_elsewhere_in(&now.files))
    }
}
