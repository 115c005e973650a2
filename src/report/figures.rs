//! Everything that a report shows, as one value.

use serde::Serialize;

use crate::engine::{EngineError, optional_texts};
use crate::ground::SnapshotDate;
use crate::job::Job;
use crate::migration::Period;
use crate::night::NightError;
use crate::overview::{Kpi, Label, Labels, Metrics, Opened, Overview, TierOverview};
use crate::publish::missing;
use crate::tables::{ALERTS, DIM_TIER};
use crate::tiers::Dimensions;

use super::history::History;
use super::moves::Moves;
use super::published::{Published, STAGE, collected};
use super::quality::Quality;
use super::request::ReportRequest;
use super::to_do::{self, Action, ListedUser};
use super::warned::{self, Warned};

/// What a report shows.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    /// Of which job.
    job: String,
    /// The version of tierline that has read them.
    tierline: &'static str,
    /// The language that the page opens in.
    pub language: &'static str,
    /// The period that it opens with.
    period: &'static str,
    /// The snapshot date.
    pub snapshot_date: SnapshotDate,
    previous_snapshot_date: Option<SnapshotDate>,
    run_id: String,
    cutpoints_id: String,
    previous_cutpoints_id: Option<String>,
    /// Users in the snapshot.
    users: u64,
    dimensions: Vec<DimensionFigures>,
    warnings: Vec<Warned>,
    kpis: Vec<Kpi>,
    /// How metrics are shown.
    metrics: Metrics,
    alerts: Vec<AlertFigures>,
    /// None where the date was published without actions.
    actions: Option<Vec<Action>>,
    /// The users who are named.
    listed_users: Vec<ListedUser>,
    moves: Vec<Moves>,
    history: History,
    quality: Quality,
}

/// A dimension of the date.
#[derive(Debug, Serialize)]
struct DimensionFigures {
    name: String,
    is_ranked: bool,
    tiers: Vec<TierFigures>,
}

/// A tier with what people call it.
#[derive(Debug, Serialize)]
struct TierFigures {
    #[serde(flatten)]
    counts: TierOverview,
    #[serde(flatten)]
    label: Label,
}

/// A metric past its limit.
#[derive(Debug, Serialize)]
struct AlertFigures {
    alert: String,
    severity: String,
    value: f64,
    threshold: f64,
    /// In a few words, where the SQL has it.
    title_en: Option<String>,
    title_zh: Option<String>,
    message: String,
    message_zh: Option<String>,
}

impl Figures {
    /// Reads what a report is asked for.
    ///
    /// # Errors
    /// Dates that are not published or not in order, and whatever keeps the tables from being read.
    pub(crate) async fn read(job: &Job, request: &ReportRequest<'_>) -> Result<Self, NightError> {
        let opened = Opened::of(job).await?;
        let publication = opened.publication(request.date).await?;
        let between = match request.from {
            Some(from) => {
                let to = Some(publication.snapshot_date);
                Some(Box::pin(Overview::between(job, from, to, None)).await?)
            }
            None => None,
        };
        let date = publication.snapshot_date;
        let history = Box::pin(History::read(&opened, &[date])).await?;
        let published = Published {
            opened: &opened,
            publication,
        };
        let mut figures = Box::pin(Self::of(job, request, published, &history)).await?;
        if let Some(moves) = between.as_ref().and_then(Moves::between) {
            figures.period = "between";
            figures.moves.push(moves);
        }
        Ok(figures)
    }

    /// Whether there are moves over a period.
    pub(crate) fn has_moves(&self, period: Period) -> bool {
        self.moves.iter().any(|moves| moves.is_over(period))
    }

    /// Reads what the page of a date has; the request's own date is not looked at.
    pub(super) async fn of(
        job: &Job,
        request: &ReportRequest<'_>,
        published: Published<'_>,
        history: &History,
    ) -> Result<Self, NightError> {
        let Published {
            opened,
            publication,
        } = published;
        let overview = Box::pin(Overview::of(opened, publication)).await?;
        let dim_tier = published.table(DIM_TIER.name).await?;
        let dim_tier = dim_tier.ok_or_else(|| missing(publication, DIM_TIER.name))?;
        let dim_tier = collected(Ok(dim_tier)).await?;
        let labels = Labels::of(&dim_tier).map_err(EngineError::during(STAGE))?;
        let listed = Dimensions::listed(&dim_tier)?;
        Ok(Self {
            job: job.name.clone(),
            tierline: env!("CARGO_PKG_VERSION"),
            language: request.language.tag(),
            period: request.period.as_str(),
            moves: Box::pin(Moves::published(published, &listed)).await?,
            warnings: Box::pin(warned::read(published, &overview, &labels)).await?,
            alerts: Box::pin(alerts(published, &overview)).await?,
            actions: Box::pin(to_do::actions(published)).await?,
            listed_users: Box::pin(to_do::users(published, request.users)).await?,
            history: history.until(publication.snapshot_date),
            quality: Box::pin(Quality::read(job, published, request.night)).await?,
            dimensions: dimensions(&overview, &labels),
            snapshot_date: overview.snapshot_date,
            previous_snapshot_date: overview.previous_snapshot_date,
            run_id: overview.run_id,
            cutpoints_id: overview.cutpoints_id,
            previous_cutpoints_id: overview.previous_cutpoints_id,
            users: overview.users,
            kpis: overview.kpis,
            metrics: overview.metrics,
        })
    }
}

fn dimensions(overview: &Overview, labels: &Labels) -> Vec<DimensionFigures> {
    let dimensions = overview.dimensions.iter().map(|dimension| {
        let tiers = dimension.tiers.iter().map(|counts| TierFigures {
            counts: counts.clone(),
            label: labels.find(&dimension.name, &counts.name),
        });
        DimensionFigures {
            name: dimension.name.clone(),
            is_ranked: dimension.is_ranked,
            tiers: tiers.collect(),
        }
    });
    dimensions.collect()
}

/// The alerts in the order of the overview, with their messages in both languages.
async fn alerts(
    published: Published<'_>,
    overview: &Overview,
) -> Result<Vec<AlertFigures>, NightError> {
    let Some(rows) = published.table(ALERTS.name).await? else {
        return Ok(Vec::new());
    };
    let rows = collected(Ok(rows)).await?;
    let failed = EngineError::during(STAGE);
    let names = optional_texts(&rows, "alert").map_err(&failed)?;
    let column = |name: &str| optional_texts(&rows, name).map_err(&failed);
    let (messages, titles) = (column("message_zh")?, column("title_en")?);
    let titles_zh = column("title_zh")?;
    let alerts = overview.alerts.iter().map(|found| {
        let mut rows = names.iter();
        let row = rows.position(|name| name.as_deref() == Some(&*found.alert));
        let at = |texts: &[Option<String>]| texts.get(row?)?.clone();
        AlertFigures {
            alert: found.alert.clone(),
            severity: found.severity.clone(),
            value: found.value,
            threshold: found.threshold,
            message: found.message.clone(),
            message_zh: at(&messages),
            title_en: at(&titles),
            title_zh: at(&titles_zh),
        }
    });
    Ok(alerts.collect())
}
