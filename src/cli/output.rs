//! What is printed where: results to stdout, logs, progress and errors to stderr.

use std::io::{ErrorKind, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};
use tracing::Span;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::engine::chain;
use crate::ground::{Execution, Problems, Severity};
use crate::inputs::InputError;
use crate::night::NightError;

use super::arguments::{LogFormat, Logging};
use super::execution;
use super::signals::while_asking;

/// The two streams.
#[derive(Debug)]
pub(super) struct Output {
    /// Which execution of the program this is.
    pub execution: Execution,
    /// Whether stdout is a terminal that may be coloured.
    pub is_colourful: bool,
    stderr_is_terminal: bool,
    may_colour_stderr: bool,
    /// Whether what is said on stderr is JSON too, a line each.
    is_json: bool,
    /// What each line of the log says of where it comes from.
    span: Span,
}

impl Output {
    /// Sets up logging to stderr.
    pub(super) fn new(logging: &Logging) -> Self {
        let wants_colour = wants_colour();
        let stderr_is_terminal = std::io::stderr().is_terminal();
        let may_colour_stderr = stderr_is_terminal && wants_colour;
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_target(false)
            .with_ansi(may_colour_stderr);
        // Libraries log as errors what they hand back as errors; what matters of it is printed.
        let ours_only = Targets::new().with_target(env!("CARGO_CRATE_NAME"), logging.log_level);
        let registry = tracing_subscriber::registry().with(ours_only);
        let installed = match logging.log_format {
            LogFormat::Text => registry.with(lines).try_init(),
            LogFormat::Json => {
                let lines = lines.json().flatten_event(true).with_current_span(false);
                registry.with(lines).try_init()
            }
        };
        let execution = execution::begin();
        let output = Self {
            span: tracing::error_span!("tierline", execution_id = execution.id),
            execution,
            is_json: matches!(logging.log_format, LogFormat::Json),
            is_colourful: std::io::stdout().is_terminal() && wants_colour,
            stderr_is_terminal,
            may_colour_stderr,
        };
        if let Err(error) = installed {
            output.error(&error.to_string());
        }
        output
    }

    /// Prints a part of the [result](to_stdout).
    pub(super) fn result(&self, text: &str) {
        to_stdout(text);
    }

    /// What lines of the log are within: each then says which execution it is of.
    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Prints a line for people on stderr.
    pub(super) fn note(&self, text: &str) {
        if self.is_json {
            return self.span.in_scope(|| tracing::info!("{text}"));
        }
        self.print(text);
    }

    fn print(&self, text: &str) {
        let mut stderr = std::io::stderr().lock();
        if let Err(error) = writeln!(stderr, "{text}") {
            tracing::debug!(%error, "stderr is closed");
        }
    }

    /// Asks on the terminal, and takes anything but yes for no; none where nobody can be asked.
    pub(super) fn confirmed(&self, question: &str) -> Option<bool> {
        let stdin = std::io::stdin();
        if !stdin.is_terminal() || !self.stderr_is_terminal {
            return None;
        }
        let mut stderr = std::io::stderr().lock();
        let asked = write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush());
        let mut answer = String::new();
        let answered = while_asking(|| asked.and_then(|()| stdin.read_line(&mut answer)));
        let is_yes = ["y", "yes"].contains(&answer.trim().to_lowercase().as_str());
        Some(answered.is_ok() && is_yes)
    }

    /// Prints an error.
    pub(super) fn error(&self, text: &str) {
        match self.is_json {
            true => self.span.in_scope(|| tracing::error!("{text}")),
            false => self.print(&format!("error: {text}")),
        }
    }

    /// Prints what ended a command: problems with their places, or the chain of causes.
    pub(super) fn failure(&self, error: &NightError) {
        match error {
            NightError::Problems(problems) | NightError::Input(InputError::Refused(problems)) => {
                self.problems(problems);
            }
            error => self.error(&chain(error)),
        }
    }

    /// Prints what is worth a look.
    pub(super) fn warnings(&self, warnings: &Problems) {
        if warnings.0.is_empty() {
            return;
        }
        match self.is_json {
            true => self.log(warnings),
            false => self.print(&warnings.render(self.may_colour_stderr)),
        }
    }

    fn problems(&self, problems: &Problems) {
        if self.is_json {
            return self.log(problems);
        }
        self.print(&problems.render(self.may_colour_stderr));
        let errors = problems.error_count();
        if errors > 1 {
            self.print(&format!("\n{errors} problems"));
        }
    }

    /// A line of the log for each.
    fn log(&self, problems: &Problems) {
        let _within = self.span.enter();
        for problem in &problems.0 {
            let (place, help) = (problem.position(), problem.help.as_deref());
            let (place, message) = (place.as_deref(), &problem.message);
            match problem.severity {
                Severity::Error => tracing::error!(place, help, "{message}"),
                Severity::Warning => tracing::warn!(place, help, "{message}"),
                Severity::Note => tracing::info!(place, help, "{message}"),
            }
        }
    }

    /// A line for whoever looks on: no part of what cron mails.
    pub(super) fn aside(&self, text: &str) {
        match self.stderr_is_terminal {
            true => self.note(text),
            false => self.span.in_scope(|| tracing::info!("{text}")),
        }
    }

    /// A line that shows how far work has come; hidden unless stderr is a terminal.
    pub(super) fn progress(&self, length: u64) -> ProgressBar {
        if !self.stderr_is_terminal {
            return ProgressBar::hidden();
        }
        let template = "{spinner} {msg:24} [{bar:32}] {pos}/{len}";
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(length).with_style(style.progress_chars("=> "))
    }

    /// A line that names what is being done, while nobody knows how long it takes.
    pub(super) fn spinner(&self) -> ProgressBar {
        if !self.stderr_is_terminal {
            return ProgressBar::hidden();
        }
        let spinner = ProgressBar::new_spinner();
        spinner.enable_steady_tick(std::time::Duration::from_millis(120));
        spinner
    }
}

/// Prints a part of a result. A reader that went away ends nothing, nor does a full disk: the work is done.
pub(super) fn to_stdout(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let printed = stdout.write_all(text.as_bytes());
    if let Err(error) = printed.and_then(|()| stdout.flush()) {
        match error.kind() {
            ErrorKind::BrokenPipe => tracing::debug!(%error, "stdout is closed"),
            _ => tracing::warn!(%error, "the result could not be written to stdout"),
        }
    }
}

/// Colour unless NO_COLOR is set to anything, as no-color.org has it.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line is where the environment is read"
)]
fn wants_colour() -> bool {
    std::env::var("NO_COLOR").map_or(true, |value| value.is_empty())
}
