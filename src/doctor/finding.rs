//! What was found, one line each.

use std::error::Error;

use serde::Serialize;

use crate::engine::chain;

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// Nights run, and somebody should know.
    Warn,
    /// Nights fail, or may lose something.
    Fail,
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Where: `output`, `source orders`.
    pub place: String,
    /// What was tried there.
    pub check: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// What was seen.
    pub found: String,
    /// What to do about it, where what was seen does not say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// The findings so far, each told at once: a store that does not answer takes minutes.
pub(super) struct Findings<'a> {
    place: String,
    tell: &'a mut (dyn FnMut(&Finding) + Send),
    all: Vec<Finding>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(tell: &'a mut (dyn FnMut(&Finding) + Send)) -> Self {
        Self {
            place: String::new(),
            tell,
            all: Vec::new(),
        }
    }

    /// What follows is about another place.
    pub(super) fn begin(&mut self, place: impl Into<String>) {
        self.place = place.into();
    }

    pub(super) fn pass(&mut self, check: &'static str, found: impl Into<String>) {
        self.add(check, Verdict::Pass, found, None);
    }

    pub(super) fn warn(
        &mut self,
        check: &'static str,
        found: impl Into<String>,
        remedy: Option<&str>,
    ) {
        self.add(check, Verdict::Warn, found, remedy);
    }

    pub(super) fn fail(
        &mut self,
        check: &'static str,
        found: impl Into<String>,
        remedy: Option<&str>,
    ) {
        self.add(check, Verdict::Fail, found, remedy);
    }

    /// What failed says itself what to do.
    pub(super) fn failed(&mut self, check: &'static str, error: &(dyn Error + 'static)) {
        self.fail(check, chain(error), None);
    }

    fn add(
        &mut self,
        check: &'static str,
        verdict: Verdict,
        found: impl Into<String>,
        remedy: Option<&str>,
    ) {
        let finding = Finding {
            place: self.place.clone(),
            check,
            verdict,
            found: found.into(),
            remedy: remedy.map(str::to_owned),
        };
        (self.tell)(&finding);
        self.all.push(finding);
    }

    pub(super) fn into_all(self) -> Vec<Finding> {
        self.all
    }
}
