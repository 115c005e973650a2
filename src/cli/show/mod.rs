//! `tierline show`: what is published, on screen or as one line of JSON.
//!
//! | asked for | what is shown |
//! |---|---|
//! | a date | for each dimension the users of every tier: [`tiers`]; how they moved since the previous snapshot, and the largest moves: [`matrix`]; alerts, KPIs, warnings, and the tables of the job's own |
//! | `--from --to` | the same of tiers and moves, between these two dates |
//! | `--user` | one [`user`] |
//! | `--actions` | who is to be contacted: [`actions`] |
//!
//! Everything fits the narrowest terminal in use where it can.

mod actions;
mod cells;
mod lines;
mod matrix;
#[cfg(test)]
mod testing;
mod tiers;
mod user;

use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;

use crate::ground::{SnapshotDate, per_cent};
use crate::job::Job;
use crate::night::{NightError, Report};
use crate::overview::{ActionsOverview, DimensionOverview, MetricForm, Overview, UserOverview};

use super::arguments::{OutputFormat, ShowArguments};
use super::figures::{NONE, count, count_of, count_or_none, money};
use super::output::Output;
use super::table::{Cell, Paint, Side, Table, width};
use actions::actions_page;
use cells::number;
use lines::{TERMINAL_WIDTH, wrapped};
use matrix::{largest, matrix, totals};
use tiers::{legend, tier_table};
use user::user_page;

/// What the demo shows: the first of these with its moves, the others by their tiers alone.
const DEMO_DIMENSIONS: [&str; 2] = ["value_tier", "lifecycle_stage"];

/// What is in front of lines that belong to the one above.
const INDENT: &str = "  ";

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum View {
    Snapshot,
    Moves,
    User,
    Actions,
}

/// The result for machines.
#[derive(Debug, Serialize)]
struct ShowResult<'a, T> {
    /// Always `shown`: a call that fails has the result of a run that failed.
    status: &'static str,
    job: &'a str,
    view: View,
    #[serde(flatten)]
    shown: &'a T,
}

/// Shows what is published.
pub(super) async fn show(arguments: &ShowArguments, output: &Output) -> Result<(), NightError> {
    let outcome = Box::pin(shown(arguments, output.is_colourful)).await;
    let result = match (outcome, arguments.output) {
        (Err(error), OutputFormat::Json) => {
            let mut report = Report::default();
            report.fail(&error);
            output.result(&format!("{}\n", report.to_json()));
            return Err(error);
        }
        (outcome, _) => outcome?,
    };
    output.result(&result);
    Ok(())
}

/// The result as it is printed.
async fn shown(arguments: &ShowArguments, is_colourful: bool) -> Result<String, NightError> {
    let job = super::jobs::load(&arguments.job)?;
    let date =
        |given: &Option<String>| given.as_deref().map(str::parse::<SnapshotDate>).transpose();
    let paint = Paint { is_colourful };
    let (wants, dimension) = (arguments.output, arguments.dimension.as_deref());
    if let Some(user_id) = &arguments.user {
        let user = UserOverview::read(&job, date(&arguments.date)?, user_id);
        let user = Box::pin(user).await?;
        return Ok(match wants {
            OutputFormat::Json => json(&job, View::User, &user),
            OutputFormat::Text => user_page(&user, paint),
        });
    }
    if arguments.actions {
        let actions = ActionsOverview::read(&job, date(&arguments.date)?);
        let actions = Box::pin(actions).await?;
        return Ok(match wants {
            OutputFormat::Json => json(&job, View::Actions, &actions),
            OutputFormat::Text => actions_page(&actions, paint),
        });
    }
    let (view, mut overview) = match date(&arguments.from)? {
        Some(from) => {
            let moves = Overview::between(&job, from, date(&arguments.to)?, dimension);
            let mut overview = Box::pin(moves).await?;
            // They are of the later night alone, compared with the one before it.
            overview.kpis.clear();
            overview.alerts.clear();
            (View::Moves, overview)
        }
        None => {
            let snapshot = Overview::read(&job, date(&arguments.date)?);
            (View::Snapshot, Box::pin(snapshot).await?)
        }
    };
    if let Some(name) = dimension {
        overview.dimensions = vec![overview.dimension(name)?.clone()];
    }
    let page = Page::of(&overview, is_colourful);
    Ok(match wants {
        OutputFormat::Json => json(&job, view, &overview),
        OutputFormat::Text if view == View::Moves || dimension.is_some() => page.of_dimensions(),
        OutputFormat::Text => page.full(),
    })
}

/// The result as one line.
fn json<T: Serialize>(job: &Job, view: View, shown: &T) -> String {
    let result = ShowResult {
        status: "shown",
        job: &job.name,
        view,
        shown,
    };
    let json = serde_json::to_string(&result);
    let json = json.unwrap_or_else(|error| format!(r#"{{"status":"failed","error":"{error}"}}"#));
    format!("{json}\n")
}

/// Shows the newest published snapshot on one screen.
pub(super) async fn show_newest(job: &Job, output: &Output) -> Result<(), NightError> {
    let overview = Box::pin(Overview::read(job, None)).await?;
    let page = Page::of(&overview, output.is_colourful);
    output.result(&page.compact());
    Ok(())
}

/// What is written of an overview.
struct Page<'a> {
    overview: &'a Overview,
    paint: Paint,
}

impl<'a> Page<'a> {
    fn of(overview: &'a Overview, is_colourful: bool) -> Self {
        let paint = Paint { is_colourful };
        Self { overview, paint }
    }

    /// Everything.
    fn full(&self) -> String {
        let figures = [
            self.alerts(),
            self.kpis(),
            self.warnings(),
            self.own_tables(),
        ]
        .concat();
        self.of_dimensions() + &figures
    }

    /// The dimensions with everything there is about them.
    fn of_dimensions(&self) -> String {
        let mut text = self.title();
        for dimension in &self.overview.dimensions {
            text.push_str(&self.tiers(dimension));
            text.push_str(&self.migration(dimension));
        }
        text
    }

    /// One screen for a first look.
    fn compact(&self) -> String {
        let named = |name: &&str| self.overview.dimension(name).ok();
        let dimensions: Vec<_> = DEMO_DIMENSIONS.iter().filter_map(named).collect();
        let mut text = self.title();
        for dimension in &dimensions {
            text.push_str(&self.tiers(dimension));
        }
        if let Some(first) = dimensions.first() {
            text.push_str(&self.migration(first));
        }
        text + &self.alerts()
    }

    fn title(&self) -> String {
        let overview = self.overview;
        let title = format!("Snapshot of {}", overview.snapshot_date);
        let users = count_of(overview.users, "user");
        let since = match overview.previous_snapshot_date {
            Some(previous) => format!(", moves since {previous}\n"),
            None => "\nNo earlier snapshot was published, so nobody has moved yet.\n".to_owned(),
        };
        let origin = format!(
            "run {}, cut points {}{}",
            overview.run_id,
            overview.cutpoints_id,
            self.other_cut_points()
        );
        let origin = self.paint.text(&origin, Style::new().dimmed());
        format!("{}: {users}{since}{origin}\n", self.bold(&title))
    }

    /// What the scores of the earlier date come from, where it is something else: that moves users,
    /// too.
    fn other_cut_points(&self) -> String {
        let overview = self.overview;
        let before = overview.previous_cutpoints_id.as_ref();
        match (overview.previous_snapshot_date, before) {
            (Some(previous), Some(before)) if *before != overview.cutpoints_id => {
                format!("; those of {previous} are {before}")
            }
            _ => String::new(),
        }
    }

    fn bold(&self, text: &str) -> String {
        self.paint.text(text, Style::new().bold())
    }

    /// The users of every tier.
    fn tiers(&self, dimension: &DimensionOverview) -> String {
        let has_previous = self.overview.previous_snapshot_date.is_some();
        let table = tier_table(dimension, has_previous);
        let heading = self.bold(&dimension.name);
        let legend = legend(dimension).map_or_else(String::new, |legend| {
            format!("{}\n", self.paint.text(legend, Style::new().dimmed()))
        });
        format!("\n{heading}\n{}{legend}", table.render(self.paint))
    }

    /// The metrics past their limits, with what to do about them.
    fn alerts(&self) -> String {
        if self.overview.alerts.is_empty() {
            return String::new();
        }
        let mut text = format!("\n{}", self.bold("Alerts"));
        for alert in &self.overview.alerts {
            let (value, threshold) = [alert.value, alert.threshold]
                .map(|number| self.metric(&alert.alert, number))
                .into();
            let line = format!(
                "{}: {} is {value}, {} {threshold}",
                alert.severity,
                alert.alert,
                alert.side()
            );
            let line = self.paint.text(&line, AnsiColor::Red.on_default());
            text.push_str(&format!("\n{line}\n"));
            for line in wrapped(&alert.message, TERMINAL_WIDTH - width(INDENT)) {
                text.push_str(&format!("{INDENT}{line}\n"));
            }
        }
        text
    }

    /// The metrics, with those of the previous snapshot.
    fn kpis(&self) -> String {
        if self.overview.kpis.is_empty() {
            return String::new();
        }
        let mut table = Table::default();
        table.column("metric", Side::Left);
        table.column("value", Side::Right);
        table.column("previous", Side::Right);
        for kpi in &self.overview.kpis {
            let figure = |value: Option<f64>| {
                number(value.map_or(NONE.to_owned(), |value| self.metric(&kpi.metric, value)))
            };
            let figures = [kpi.value, kpi.previous_value].map(figure);
            table.row(std::iter::once(Cell::from(&kpi.metric)).chain(figures));
        }
        format!("\n{}\n{}", self.bold("KPIs"), table.render(self.paint))
    }

    /// A metric as people read it. One for which `dim_metric` has no form is read by its name.
    fn metric(&self, name: &str, value: f64) -> String {
        let by_name = || ["_share", "_rate"].iter().any(|part| name.contains(part));
        let form = self.overview.metrics.get(name);
        match form.and_then(MetricForm::number_form) {
            Some(form) if form.is_percentage => form.write(value),
            None if by_name() => per_cent(value),
            _ if value.fract() == 0.0 => count(value as i128),
            _ => money((100.0 * value).round() as i128),
        }
    }

    /// How many users have each warning.
    fn warnings(&self) -> String {
        if self.overview.warnings.is_empty() {
            return String::new();
        }
        let mut table = Table::default();
        table.column("warning", Side::Left);
        table.column("users", Side::Right);
        for warning in &self.overview.warnings {
            table.row([
                Cell::from(&warning.name),
                number(count_or_none(warning.users)),
            ]);
        }
        format!("\n{}\n{}", self.bold("Warnings"), table.render(self.paint))
    }

    /// How many rows the date has in each table of the job's own.
    fn own_tables(&self) -> String {
        if self.overview.own_tables.is_empty() {
            return String::new();
        }
        let mut table = Table::default();
        table.column("table", Side::Left);
        table.column("rows", Side::Right);
        for (name, rows) in &self.overview.own_tables {
            table.row([
                Cell::from(name),
                number(count_or_none(i64::try_from(*rows).unwrap_or(i64::MAX))),
            ]);
        }
        let heading = self.bold("Tables of the job's own");
        format!("\n{heading}\n{}", table.render(self.paint))
    }

    /// Who moved; nothing when nobody could have.
    fn migration(&self, dimension: &DimensionOverview) -> String {
        let Some(previous) = self.overview.previous_snapshot_date else {
            return String::new();
        };
        let moves = dimension.largest_moves();
        let since = format!("{} since {previous}", dimension.name);
        if dimension.flows.is_empty() {
            return format!(
                "\n{}: new in this snapshot, so there are no moves to show\n",
                self.bold(&since)
            );
        }
        if moves.is_empty() {
            return format!("\n{}: nobody moved\n", self.bold(&since));
        }
        format!(
            "\n{}: {}\n{}\n{}",
            self.bold(&since),
            totals(&moves),
            matrix(dimension, self.paint),
            largest(&moves).render(self.paint)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{segment, value_tier};
    use super::*;
    use crate::night::Alert;
    use crate::overview::{Kpi, Metrics, WarningOverview};

    fn date(day: &str) -> SnapshotDate {
        day.parse().unwrap()
    }

    fn overview(dimensions: Vec<DimensionOverview>) -> Overview {
        Overview {
            snapshot_date: date("2026-11-20"),
            previous_snapshot_date: Some(date("2026-11-19")),
            run_id: "2026-11-20-f00d".to_owned(),
            cutpoints_id: "2026-11-01-v1".to_owned(),
            previous_cutpoints_id: Some("2026-11-01-v1".to_owned()),
            users: 20_018,
            dimensions,
            warnings: Vec::new(),
            kpis: Vec::new(),
            metrics: Metrics::new(),
            alerts: Vec::new(),
            own_tables: Vec::new(),
        }
    }

    fn full(overview: &Overview, is_colourful: bool) -> String {
        Page::of(overview, is_colourful).full()
    }

    #[test]
    fn alerts_kpis_and_warnings_follow() {
        let kpi = |metric: &str, value, previous_value| Kpi {
            metric: metric.to_owned(),
            value,
            previous_value,
        };
        let overview = Overview {
            kpis: vec![
                kpi("average_order_value_30d", Some(330.124), Some(324.0)),
                kpi("complaints_change_rate", Some(0.5), None),
            ],
            metrics: Metrics::from([(
                "complaints_change_rate".to_owned(),
                MetricForm {
                    format: Some(".2%".to_owned()),
                    ..MetricForm::default()
                },
            )]),
            alerts: vec![Alert {
                alert: "complaints_change_rate".to_owned(),
                severity: "critical".to_owned(),
                value: 0.5,
                threshold: 0.3,
                message: "Complaints rose sharply since yesterday: find the product or campaign behind them before the next message goes out.".to_owned(),
            }],
            warnings: vec![
                WarningOverview {
                    name: "silent_warning".to_owned(),
                    users: 1_234,
                },
                WarningOverview {
                    name: "peak_order".to_owned(),
                    users: 0,
                },
            ],
            own_tables: vec![("call_list".to_owned(), 1_234), ("reactivated".to_owned(), 0)],
            ..overview(Vec::new())
        };
        insta::assert_snapshot!(full(&overview, false), @"
        Snapshot of 2026-11-20: 20,018 users, moves since 2026-11-19
        run 2026-11-20-f00d, cut points 2026-11-01-v1

        Alerts
        critical: complaints_change_rate is 50.00%, above 30.00%
          Complaints rose sharply since yesterday: find the product or campaign behind
          them before the next message goes out.

        KPIs
          metric                    value  previous
          average_order_value_30d  330.12       324
          complaints_change_rate   50.00%         .

        Warnings
          warning         users
          silent_warning  1,234
          peak_order          .

        Tables of the job's own
          table         rows
          call_list    1,234
          reactivated      .
        ");
    }

    #[test]
    fn a_snapshot_shows_tiers_matrix_and_moves() {
        insta::assert_snapshot!(full(&overview(vec![value_tier()]), false), @r"
        Snapshot of 2026-11-20: 20,018 users, moves since 2026-11-19
        run 2026-11-20-f00d, cut points 2026-11-01-v1

        value_tier
          tier         users  of users  of revenue  change  in grace
          high_value   1,250      6.2%       90.0%     +44        30  ▊
          low_value        .         .           .       .         .
          no_orders   18,768     93.8%       10.0%     +18         .  ████████████
          in grace: lower today, and shown lower once that has lasted

        value_tier since 2026-11-19: 50 up, 4 down, 64 entered, 2 left
          from \ to   high_value  low_value  no_orders  left
          high_value       1,200          .          4     2
          low_value            .          .          .     .
          no_orders           50          .     18,700     .
          entered              .          .         64

          largest moves            users  revenue_365d
          entered -> no_orders        64        800.00
          no_orders -> high_value     50        625.00  up
          high_value -> no_orders      4         50.00  down
          high_value -> left           2         25.00
        ");
    }

    #[test]
    fn colour_tells_up_from_down_and_dims_those_who_stayed() {
        let text = full(&overview(vec![value_tier()]), true);
        insta::assert_snapshot!(text.replace('\u{1b}', "^"), @r"
        ^[1mSnapshot of 2026-11-20^[0m: 20,018 users, moves since 2026-11-19
        ^[2mrun 2026-11-20-f00d, cut points 2026-11-01-v1^[0m

        ^[1mvalue_tier^[0m
          ^[2mtier^[0m         ^[2musers^[0m  ^[2mof users^[0m  ^[2mof revenue^[0m  ^[2mchange^[0m  ^[2min grace^[0m
          high_value   1,250      6.2%       90.0%     +44        30  ^[36m▊^[0m
          low_value        ^[2m.^[0m         ^[2m.^[0m           ^[2m.^[0m       ^[2m.^[0m         ^[2m.^[0m
          no_orders   18,768     93.8%       10.0%     +18         ^[2m.^[0m  ^[36m████████████^[0m
        ^[2m  in grace: lower today, and shown lower once that has lasted^[0m

        ^[1mvalue_tier since 2026-11-19^[0m: 50 up, 4 down, 64 entered, 2 left
          ^[2mfrom \ to^[0m   ^[2mhigh_value^[0m  ^[2mlow_value^[0m  ^[2mno_orders^[0m  ^[2mleft^[0m
          high_value       ^[2m1,200^[0m          ^[2m.^[0m          ^[31m4^[0m     2
          low_value            ^[2m.^[0m          ^[2m.^[0m          ^[2m.^[0m     ^[2m.^[0m
          no_orders           ^[32m50^[0m          ^[2m.^[0m     ^[2m18,700^[0m     ^[2m.^[0m
          entered              ^[2m.^[0m          ^[2m.^[0m         64

          ^[2mlargest moves^[0m            ^[2musers^[0m  ^[2mrevenue_365d^[0m
          entered -> no_orders        64        800.00
          no_orders -> high_value     50        625.00  ^[32mup^[0m
          high_value -> no_orders      4         50.00  ^[31mdown^[0m
          high_value -> left           2         25.00
        ");
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let overview = overview(vec![value_tier(), segment()]);
        let codes = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
        let coloured = full(&overview, true);
        assert_eq!(codes.replace_all(&coloured, ""), full(&overview, false));
    }

    #[test]
    fn the_first_snapshot_has_no_moves() {
        let mut first = overview(vec![value_tier()]);
        first.previous_snapshot_date = None;
        first.dimensions[0].flows.clear();
        insta::assert_snapshot!(full(&first, false), @"
        Snapshot of 2026-11-20: 20,018 users
        No earlier snapshot was published, so nobody has moved yet.
        run 2026-11-20-f00d, cut points 2026-11-01-v1

        value_tier
          tier         users  of users  of revenue  in grace
          high_value   1,250      6.2%       90.0%        30  ▊
          low_value        .         .           .         .
          no_orders   18,768     93.8%       10.0%         .  ████████████
          in grace: lower today, and shown lower once that has lasted
        ");
    }

    #[test]
    fn other_cut_points_of_the_earlier_date_are_named() {
        let other = Overview {
            previous_cutpoints_id: Some("2026-10-01-v1".to_owned()),
            ..overview(Vec::new())
        };
        insta::assert_snapshot!(full(&other, false), @"
        Snapshot of 2026-11-20: 20,018 users, moves since 2026-11-19
        run 2026-11-20-f00d, cut points 2026-11-01-v1; those of 2026-11-19 are 2026-10-01-v1
        ");
    }

    #[test]
    fn a_day_on_which_nobody_moved_takes_a_line() {
        let mut quiet = overview(vec![value_tier()]);
        quiet.dimensions[0]
            .flows
            .retain(|flow| flow.direction.is_none());
        let text = Page::of(&quiet, false).migration(&quiet.dimensions[0]);
        assert_eq!(text, "\nvalue_tier since 2026-11-19: nobody moved\n");
    }

    #[test]
    fn the_compact_page_has_the_moves_of_one_dimension() {
        let mut lifecycle_stage = value_tier();
        lifecycle_stage.name = "lifecycle_stage".to_owned();
        let overview = overview(vec![segment(), value_tier(), lifecycle_stage]);
        let text = Page::of(&overview, false).compact();
        let headings: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with(|first: char| first.is_lowercase()))
            .collect();
        let expected = [
            "run 2026-11-20-f00d, cut points 2026-11-01-v1",
            "value_tier",
            "lifecycle_stage",
            "value_tier since 2026-11-19: 50 up, 4 down, 64 entered, 2 left",
        ];
        assert_eq!(headings, expected);
    }

    #[test]
    fn an_unknown_dimension_is_refused_with_the_nearest() {
        let error = overview(vec![value_tier()])
            .dimension("valuetier")
            .unwrap_err();
        insta::assert_snapshot!(error, @"
        error: there is no dimension `valuetier`; did you mean `value_tier`?
         |
         = help: the dimensions of 2026-11-20 are value_tier
        ");
    }
}
