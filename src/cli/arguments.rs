//! The arguments, as clap reads them.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

use crate::drafts::TableColumn;

/// The nightly user-tiering job.
///
/// Reads partitioned Parquet of orders and engagement, gives every user a tier in each dimension,
/// and publishes a dated snapshot and who moved as tables that any BI tool opens.
#[derive(Debug, Parser)]
#[command(name = "tierline", version, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub logging: Logging,
}

/// How logs are written.
#[derive(Debug, Args)]
pub(super) struct Logging {
    /// How log lines on stderr look
    #[arg(long, global = true, value_enum, default_value = "text")]
    pub log_format: LogFormat,
    /// The least important lines to log: error, warn, info, debug or trace
    #[arg(long, global = true, default_value = "warn")]
    pub log_level: tracing::Level,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make sample data, run a week of nights on this machine, and show the result
    Demo(DemoArguments),
    /// Write a job file, the SQL pack and scheduler files into a folder, to make them your own
    Init(InitArguments),
    /// Find everything that can be wrong with a job without reading data
    Check(JobArguments),
    /// Print what each published table is, its key and its columns, as Markdown; of the shipped SQL where
    /// no job is named and jobs/ has none
    Docs(JobArguments),
    /// Try whether stores, tables, machine and sources are fit for nights, and say what to do
    Doctor(DoctorArguments),
    /// Say what a run would read, compute and publish
    Plan(NightArguments),
    /// Compute and publish one night
    Run(RunArguments),
    /// Compute and publish many nights, in the order of their dates
    Backfill(BackfillArguments),
    /// Compute new cut points and show what they would change; kept only when confirmed
    Calibrate(CalibrateArguments),
    /// Show a published snapshot: tiers, who moved, and where to
    Show(ShowArguments),
    /// Write what is published as a page to look at: what happened, who moved, whom to contact
    Report(ReportArguments),
    /// Write a published table as CSV, Parquet or JSON, for programs without a Delta reader
    Export(ExportArguments),
    /// Hand the work of nights to executors, on a cluster
    #[cfg(feature = "cluster")]
    Scheduler(SchedulerArguments),
    /// Make tiles and compute ranges of users for the nights of others, on a cluster
    #[cfg(feature = "cluster")]
    Executor(ExecutorArguments),
    /// Take a published date back: its rows leave the tables; done only when confirmed
    Withdraw(WithdrawArguments),
    /// Say which files nobody needs any more, of old versions and of runs that died; deleted only when
    /// confirmed
    Maintain(MaintainArguments),
    /// Print what a shell completes of these commands
    Completions(CompletionsArguments),
    /// Write man pages of these commands
    Man(ManArguments),
}

#[derive(Debug, Args)]
pub(super) struct DemoArguments {
    /// The folder for the data, the job and the tables
    #[arg(default_value = "tierline-demo")]
    pub folder: PathBuf,
    /// How many users the sample data has
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(..=100_000_000))]
    pub users: u32,
    /// How many days of orders and engagement
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(..=3_650))]
    pub days: u32,
    /// Another seed gives other users
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many nights to run, ending with the last day; with 0, only data and job are made
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(..=3_650))]
    pub nights: u32,
}

#[derive(Debug, Args)]
pub(super) struct InitArguments {
    /// The folder to write to
    #[arg(default_value = ".")]
    pub folder: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct JobArguments {
    /// The job file, or the name of one in jobs/
    pub job: Option<PathBuf>,
}

/// A job and a point in time.
#[derive(Debug, Args)]
pub(super) struct NightArguments {
    #[command(flatten)]
    pub job: JobArguments,
    #[command(flatten)]
    pub time: TimeArguments,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct TimeArguments {
    /// An exclusive bound: the snapshot is of the last business day that ended by then; a date,
    /// or an instant with an offset
    #[arg(long, value_name = "T")]
    pub as_of: Option<String>,
    /// The snapshot date itself
    #[arg(long, value_name = "DATE")]
    pub date: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    #[command(flatten)]
    pub night: NightArguments,
    /// How the findings on stdout look; json has them in one line
    #[arg(long, value_enum, default_value = "text")]
    pub output: OutputFormat,
}

/// Which cluster does what can be divided.
#[derive(Debug, Args)]
pub(super) struct ClusterArguments {
    /// The scheduler of a cluster that makes tiles and computes ranges of users, such as
    /// http://scheduler:50050; `cluster` under [engine] of the job, or this machine, when left out. With https://, the
    /// variables TIERLINE_TLS_CA, TIERLINE_TLS_CERT and TIERLINE_TLS_KEY name certificates
    #[cfg(feature = "cluster")]
    #[arg(long, value_name = "URL")]
    pub cluster: Option<String>,
}

/// Who a process is on a cluster.
#[cfg(feature = "cluster")]
#[derive(Debug, Default, Args)]
pub(super) struct CertificateArguments {
    /// The CA whose certificates are accepted, in PEM format: all traffic is mutual TLS, and whoever has no
    /// certificate of it is refused. The variable TIERLINE_TLS_CA says the same
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// The certificate of this process, for the name that others reach it by. The variable TIERLINE_TLS_CERT says
    /// the same
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of the certificate. The variable TIERLINE_TLS_KEY says the same
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
}

#[cfg(feature = "cluster")]
#[derive(Debug, Args)]
pub(super) struct SchedulerArguments {
    /// The address of this machine to listen on. Whoever reaches it can have work done: beyond this machine,
    /// let it be an address of a private network, or give it certificates
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub bind: String,
    /// The port to listen on
    #[arg(long, default_value_t = 50050)]
    pub port: u16,
    /// Seconds without a sign of life after which an executor counts as lost, and its work is given to others
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(10..=600))]
    pub executor_timeout: u64,
    #[command(flatten)]
    pub certificates: CertificateArguments,
}

#[cfg(feature = "cluster")]
#[derive(Debug, Args)]
pub(super) struct ExecutorArguments {
    /// The scheduler to work for, such as http://scheduler:50050, or https:// with certificates
    #[arg(long, value_name = "URL")]
    pub scheduler: String,
    /// The address of this machine to listen on, of a private network where the scheduler is elsewhere
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub bind: String,
    /// The name or address that others reach this machine by; the one that the scheduler sees when left out
    #[arg(long, value_name = "HOST")]
    pub external_host: Option<String>,
    /// The port that answers are fetched from; without certificates, the next one is for work
    #[arg(long, default_value_t = 50051, value_parser = clap::value_parser!(u16).range(1..65535))]
    pub port: u16,
    /// How many ranges are computed at a time; a thread each. Those of the machine when left out
    #[arg(long, value_name = "N")]
    pub ranges: Option<std::num::NonZeroUsize>,
    /// Memory for all of them before they spill; 60 % of the container's or machine's when left out
    #[arg(long, value_name = "MIB")]
    pub memory_limit_mib: Option<std::num::NonZeroUsize>,
    /// What all of them may have spilled at once; 100 GiB when left out
    #[arg(long, value_name = "MIB")]
    pub spill_limit_mib: Option<std::num::NonZeroUsize>,
    /// The folder for answers and for what is spilled
    #[arg(long, default_value = "tierline-executor", value_name = "FOLDER")]
    pub folder: PathBuf,
    #[command(flatten)]
    pub certificates: CertificateArguments,
}

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    #[command(flatten)]
    pub night: NightArguments,
    #[command(flatten)]
    pub cluster: ClusterArguments,
    #[command(flatten)]
    pub drops: DropArguments,
    #[command(flatten)]
    pub history: HistoryArguments,
    #[command(flatten)]
    pub result: ResultArguments,
}

/// What may be done about history that is gone.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(super) struct HistoryArguments {
    /// Take what days of sources have lost for removed on purpose, but for whole days that have
    /// expired: its rows go, and published dates that have them are affected
    #[arg(long)]
    pub accept_removed_days: bool,
    /// Give up expired days that are needed and that no stored tile gives: what needs them knows
    /// nothing of them from then on
    #[arg(long)]
    pub accept_shorter_history: bool,
}

/// What the tables may lose.
#[derive(Debug, Args)]
pub(super) struct DropArguments {
    /// Columns that published tables may lose, since the SQL no longer selects them: readers find
    /// them for no date any more. They may come back with the type they had, never with another,
    /// since older files still hold them
    #[arg(long, value_name = "TABLE.COLUMN,...", value_delimiter = ',')]
    pub drop_columns: Vec<TableColumn>,
}

/// What becomes of the result.
#[derive(Debug, Clone, Args)]
pub(super) struct ResultArguments {
    /// How the result on stdout looks
    #[arg(long, value_enum, default_value = "text")]
    pub output: OutputFormat,
    /// Also write the result as JSON to this file, on failure too
    #[arg(long, value_name = "PATH")]
    pub result_file: Option<PathBuf>,
    /// Tell a service that watches over scheduled work when the command begins and how it ended, as
    /// healthchecks.io has it: the ping URL of a check. The variable TIERLINE_PING_URL says the same,
    /// and keeps it out of lists of processes
    #[arg(long, value_name = "URL")]
    pub ping_url: Option<String>,
    /// Exit with 99 when there is nothing to do
    #[arg(long)]
    pub skip_exit_code: bool,
}

/// Which nights: a span of dates, or those that late data affects.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("dates").required(true).args(["from", "affected"])))]
pub(super) struct BackfillArguments {
    #[command(flatten)]
    pub job: JobArguments,
    /// First date. Publishes dates not published yet and republishes those whose inputs changed
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    /// The last date; the last business day that has ended when left out
    #[arg(long, value_name = "DATE", requires = "from")]
    pub to: Option<String>,
    /// The published dates whose inputs have changed since, and those that follow on them
    #[arg(long, conflicts_with = "from")]
    pub affected: bool,
    /// Before that, publish the dates that were never published, of the last so many days before
    /// the newest date
    #[arg(long, value_name = "DAYS", requires = "affected", conflicts_with = "from",
        value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub gaps: Option<u32>,
    /// By which rules affected dates are restated: the SQL, parameters, settings and cut points
    /// that each was published by, or today's
    #[arg(long, value_enum, default_value = "published", conflicts_with = "from")]
    pub rules: RulesArgument,
    #[command(flatten)]
    pub cluster: ClusterArguments,
    #[command(flatten)]
    pub drops: DropArguments,
    #[command(flatten)]
    pub history: HistoryArguments,
    #[command(flatten)]
    pub result: ResultArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum RulesArgument {
    Published,
    Today,
}

#[derive(Debug, Args)]
pub(super) struct CalibrateArguments {
    #[command(flatten)]
    pub night: NightArguments,
    #[command(flatten)]
    pub cluster: ClusterArguments,
    /// Keep the new cut points without asking
    #[arg(long)]
    pub yes: bool,
    /// How the comparison on stdout looks; with json nothing is asked
    #[arg(long, value_enum, default_value = "text")]
    pub output: OutputFormat,
}

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    #[command(flatten)]
    pub job: JobArguments,
    /// The snapshot date; the newest when left out
    #[arg(long, value_name = "DATE")]
    pub date: Option<String>,
    /// The one dimension to show; all when left out
    #[arg(long, value_name = "NAME")]
    pub dimension: Option<String>,
    /// Show who moved since this published date, instead of since the snapshot before
    #[arg(long, value_name = "DATE", conflicts_with = "date")]
    pub from: Option<String>,
    /// The published date until which they moved; the newest when left out
    #[arg(long, value_name = "DATE", requires = "from")]
    pub to: Option<String>,
    /// Show one user: tiers and since when, scores, warnings, playbooks and the newest moves
    #[arg(long, value_name = "ID", allow_hyphen_values = true,
        conflicts_with_all = ["from", "dimension"])]
    pub user: Option<String>,
    /// Show how many users are to be contacted, by action and channel
    #[arg(long, conflicts_with_all = ["from", "dimension", "user"])]
    pub actions: bool,
    /// How the result on stdout looks
    #[arg(long, value_enum, default_value = "text")]
    pub output: OutputFormat,
}

#[derive(Debug, Args)]
pub(super) struct ReportArguments {
    #[command(flatten)]
    pub job: JobArguments,
    /// The snapshot date; the newest when left out
    #[arg(long, value_name = "DATE")]
    pub date: Option<String>,
    /// Also show who moved since this published date, and open with that; with --site, the first date
    /// whose page is written
    #[arg(long, value_name = "DATE", conflicts_with = "date")]
    pub from: Option<String>,
    /// The published date until which they moved; the newest when left out. With --site, the last date
    /// whose page is written
    #[arg(long, value_name = "DATE", conflicts_with = "date")]
    pub to: Option<String>,
    /// The time over which the page shows moves first: since the night before, in 7 or in 28 days
    #[arg(long, value_enum, default_value = "day", conflicts_with = "from")]
    pub period: PeriodArgument,
    /// The language that the page opens in; `lang` under [report] of the job, or English, when left out
    #[arg(long, value_enum)]
    pub lang: Option<LanguageArgument>,
    /// The file to write; when left out, report/<date>.html below the job's output, whose URL is printed
    #[arg(long, value_name = "FILE", conflicts_with = "site")]
    pub output: Option<PathBuf>,
    /// Name so many of the users to be contacted, those who come first; nobody when left out, or `users`
    /// under [report] of the job
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=10_000))]
    pub with_users: Option<u32>,
    /// Write the pages of all published dates that are missing or older than their date's last
    /// publication, below the job's output, and an index over them, as a bucket serves them
    #[arg(long, conflicts_with = "date")]
    pub site: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PeriodArgument {
    Day,
    Week,
    Month,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LanguageArgument {
    En,
    Zh,
}

#[derive(Debug, Args)]
pub(super) struct ExportArguments {
    #[command(flatten)]
    pub job: JobArguments,
    /// A published table, one of the job's own among them
    #[arg(long, value_name = "NAME")]
    pub table: String,
    /// The snapshot date; the newest when left out
    #[arg(long, value_name = "DATE")]
    pub date: Option<String>,
    /// The rows of every published date from this one to --date, not of that alone. Of actions it is one list
    /// of what is still to be done: a user is in it once, by the newest list that has them, and what older lists
    /// have is left out once it has expired on the day after --date. Of a user whom the list of --date leaves
    /// alone, nothing is left but the answer to a complaint. Columns of tier_snapshot are those of --date
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    /// What holds of the rows, in SQL over the columns of the table and, where it has users, of their
    /// tier_snapshot, such as "channel = 'app' AND value_tier = 'silent'"; all rows when left out
    #[arg(long = "where", value_name = "EXPR")]
    pub condition: Option<String>,
    /// The columns, in this order, those of tier_snapshot among them where the table has users; all of
    /// the table's own when left out
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// csv: UTF-8 with a header, quoted as in RFC 4180, NULL as an empty field. json: an object a
    /// line. Dates are YYYY-MM-DD, and decimals have all their digits
    #[arg(long, value_enum)]
    pub format: FormatArgument,
    /// A folder or a URL of one: the file is called by the table there, and manifest.json, which
    /// comes last, has its rows, bytes and SHA-256. A name such as calls.csv is that of the file
    /// itself, beside calls.csv.manifest.json. Files get their names once all rows are written; those
    /// that the manifest before names and this one does not are removed. Without --to the file
    /// goes to stdout, without a manifest
    #[arg(long, value_name = "PATH-or-URL")]
    pub to: Option<String>,
    /// The order of the rows, such as "priority,value_at_stake desc"; NULL comes last. Rows that tie are
    /// in the order of the table's key, and so are all rows when left out
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    pub order_by: Vec<String>,
    /// A file for each value of a column, such as calls-app.csv, 500 at most; needs --to
    #[arg(long, value_name = "COLUMN")]
    pub split_by: Option<String>,
    /// At most so many rows, the first in their order; with --split-by so many in each file
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=i64::MAX as u64))]
    pub limit: Option<u64>,
    /// Begin a CSV with a byte order mark, which some spreadsheets need to see that it is UTF-8
    #[arg(long)]
    pub bom: bool,
    /// Put ' before texts of a CSV that begin with = + - @, a tab or a carriage return, which
    /// spreadsheets would compute; not for other programs, which see it
    #[arg(long)]
    pub escape_formulas: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatArgument {
    Csv,
    Parquet,
    Json,
}

#[derive(Debug, Args)]
pub(super) struct WithdrawArguments {
    #[command(flatten)]
    pub job: JobArguments,
    /// The published date to take back
    #[arg(long, value_name = "DATE")]
    pub date: String,
    /// Withdraw it without asking
    #[arg(long)]
    pub yes: bool,
    /// How the result on stdout looks; with json nothing is asked
    #[arg(long, value_enum, default_value = "text")]
    pub output: OutputFormat,
}

#[derive(Debug, Args)]
pub(super) struct MaintainArguments {
    #[command(flatten)]
    pub job: JobArguments,
    /// Delete them without asking
    #[arg(long)]
    pub yes: bool,
    /// How the result on stdout looks; with json nothing is asked
    #[arg(long, value_enum, default_value = "text")]
    pub output: OutputFormat,
}

#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// The shell, whose script goes to stdout
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManArguments {
    /// The folder to write to, such as /usr/local/share/man/man1
    pub folder: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    Text,
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It made data until the disk was full.
    #[test]
    fn sizes_of_the_demo_have_bounds() {
        for (option, most) in [
            ("--days", 3_650),
            ("--nights", 3_650),
            ("--users", 100_000_000),
        ] {
            let parsed = |size: u64| {
                let size = size.to_string();
                Arguments::try_parse_from(["tierline", "demo", option, &size]).map(drop)
            };
            assert!(parsed(most).is_ok());
            let refused = parsed(u64::from(u32::MAX)).unwrap_err().to_string();
            assert!(
                refused.contains(&format!("4294967295 is not in 0..={most}")),
                "{refused}"
            );
        }
    }
}
