//! Taking a published date back: what that means, before it is done.

use serde::Serialize;

use crate::calibration::{Calibration, KeptIds, Origin};
use crate::ground::SnapshotDate;
use crate::job::{Job, Workspace};
use crate::night::NightError;
use crate::overview::{Wish, not_published};
use crate::publish::{self, Inspection, Publication, Publications, check_complete, inspect};
use crate::storage::claim_output;
use crate::tables::TIER_SNAPSHOT;

/// A date that is to be withdrawn, and what follows from it.
#[derive(Debug, Serialize)]
pub struct Withdrawal {
    /// The date that is withdrawn, as YYYY-MM-DD.
    pub snapshot_date: String,
    /// The run that published it.
    pub run_id: String,
    /// The users in its snapshot.
    pub users: u64,
    /// Whether it is the newest date, so that `tier_current` goes to another.
    pub is_newest: bool,
    /// The newest date that is left; none when nothing is.
    pub newest_left: Option<String>,
    /// The published dates that have to be restated: those after it, of which the first follows on it,
    /// or the newest that is left, where that was published without the tables of the newest date.
    pub affected_dates: Vec<String>,
    /// Cut points that were calibrated on its users, and that later runs go on scoring by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_points_kept: Option<CutPointsKept>,
    /// Whether it is that.
    #[serde(skip)]
    pub lacks_tables: bool,
    /// Whether the date cannot be published again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_for_good: bool,
    #[serde(skip)]
    withdrawn: Publication,
    #[serde(skip)]
    publications: Publications,
    #[serde(skip)]
    inspection: Inspection,
}

/// A calibration that outlives the date that it was made on.
#[derive(Debug, Serialize)]
pub struct CutPointsKept {
    /// Its id.
    pub cutpoints_id: String,
    /// The first date that is scored by others, as far as any are kept.
    pub until: Option<String>,
    /// Whether earlier dates are scored by it too, as there are none before it.
    pub is_earliest: bool,
}

impl CutPointsKept {
    /// The calibration of a date, unless its cut points were given by hand.
    async fn of(workspace: &Workspace, date: SnapshotDate) -> Result<Option<Self>, NightError> {
        let Workspace { output, layout, .. } = workspace;
        let kept = KeptIds::list(output, layout).await?;
        let Some(id) = kept.of_date(date) else {
            return Ok(None);
        };
        let calibration = Calibration::read(output, layout, id).await?;
        let until = kept.next_date(date);
        Ok((calibration.origin == Origin::Computed).then(|| Self {
            cutpoints_id: id.to_owned(),
            until: until.map(|until| until.to_string()),
            is_earliest: kept.earliest() == Some(id),
        }))
    }
}

/// Whether there is anything to withdraw.
#[derive(Debug)]
pub enum WithdrawalPlan {
    /// The date is published.
    Withdraw(Box<Withdrawal>),
    /// It was withdrawn before.
    AlreadyWithdrawn {
        /// The run that did so.
        run_id: String,
    },
}

impl WithdrawalPlan {
    /// Looks at what is published.
    ///
    /// # Errors
    /// A date that was never published, and stores that fail.
    pub async fn make(workspace: &Workspace, date: SnapshotDate) -> Result<Self, NightError> {
        let output = &workspace.output;
        let publications = Publications::load(output).await?;
        check_complete(output, &publications).await?;
        let last = publications.last_of(date);
        if let Some(last) = last.filter(|last| last.is_withdrawn()) {
            let run_id = last.run_id.clone();
            return Ok(Self::AlreadyWithdrawn { run_id });
        }
        let Some(withdrawn) = publications.newest_for(date).cloned() else {
            return Err(not_published(Some(date), &publications, Wish::Withdraw).await);
        };
        let inspection = inspect(output, &publications).await?;
        let mut withdrawal = Withdrawal::of(withdrawn, publications, inspection);
        withdrawal.cut_points_kept = CutPointsKept::of(workspace, date).await?;
        Ok(Self::Withdraw(Box::new(withdrawal)))
    }
}

impl Withdrawal {
    fn of(withdrawn: Publication, publications: Publications, inspection: Inspection) -> Self {
        let date = withdrawn.snapshot_date;
        let mut left = publications.dates();
        left.remove(&date);
        let is_newest = publications.latest_date() == Some(date);
        let newest_left = left.last().and_then(|date| publications.newest_for(*date));
        let lacking = newest_left.filter(|newest| is_newest && !newest.was_newest());
        let first_affected = lacking.map_or(date, |newest| newest.snapshot_date);
        let affected = left.range(first_affected..);
        let affected = affected.filter(|date| !publications.is_final(**date));
        let snapshot = withdrawn.tables.get(TIER_SNAPSHOT.name);
        Self {
            snapshot_date: date.to_string(),
            run_id: withdrawn.run_id.clone(),
            users: snapshot.map_or(0, |snapshot| snapshot.rows),
            is_newest,
            newest_left: left.last().map(SnapshotDate::to_string),
            affected_dates: affected.map(SnapshotDate::to_string).collect(),
            lacks_tables: lacking.is_some(),
            is_for_good: publications.is_final(date),
            cut_points_kept: None,
            withdrawn,
            publications,
            inspection,
        }
    }

    /// Takes the date back, and says which run has done so.
    ///
    /// # Errors
    /// Another run that published in the meantime, and stores that fail.
    pub async fn carry_out(&self, job: &Job, workspace: &Workspace) -> Result<String, NightError> {
        claim_output(&workspace.output, &job.name).await?;
        let state = (&self.publications, &self.inspection);
        let application = format!("tierline/{}", job.name);
        let withdrawn =
            publish::withdraw(&workspace.output, state, &self.withdrawn, &application).await?;
        publish::write_checkpoints(&withdrawn.tables).await;
        Ok(withdrawn.publication.run_id)
    }
}
