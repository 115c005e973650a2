//! The stages of a run: reported as they begin, and timed.

use std::collections::BTreeMap;
use std::time::Instant;

/// Hears which stage has begun.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);

/// Times the stages and reports them.
pub(crate) struct Stages<'a> {
    progress: Progress<'a>,
    current: Option<(&'static str, Instant)>,
    seconds: BTreeMap<String, f64>,
}

impl<'a> Stages<'a> {
    pub(crate) fn new(progress: Progress<'a>) -> Self {
        Self {
            progress,
            current: None,
            seconds: BTreeMap::new(),
        }
    }

    pub(crate) fn begin(&mut self, stage: &'static str) {
        self.end_current();
        (self.progress)(stage);
        tracing::info!(stage, "stage begins");
        self.current = Some((stage, Instant::now()));
    }

    fn end_current(&mut self) {
        if let Some((stage, began)) = self.current.take() {
            self.seconds
                .insert(stage.to_owned(), began.elapsed().as_secs_f64());
        }
    }

    /// How far the stage has come.
    pub(super) fn detail(&self, detail: &str) {
        if let Some((stage, _)) = self.current {
            (self.progress)(&format!("{stage}: {detail}"));
        }
    }

    /// The stage that has begun last.
    pub(super) fn current(&self) -> Option<&'static str> {
        self.current.map(|(stage, _)| stage)
    }

    /// Ends the last stage: how many seconds each took.
    pub(super) fn finish(mut self) -> BTreeMap<String, f64> {
        self.end_current();
        self.seconds
    }
}
