//! What a check finds wrong, kept until all of it can be reported together.

use crate::engine::chain;
use crate::ground::{Diagnostic, Problems};
use crate::night::NightError;

/// Everything that was found wrong so far.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What is wrong in the files that people write.
    problems: Problems,
    /// Whatever else failed: tables that some reader would not open, the engine, a store.
    failures: Vec<NightError>,
}

impl Found {
    /// The value, or what is wrong with it added to the rest.
    pub(super) fn keep<T>(&mut self, outcome: Result<T, impl Into<NightError>>) -> Option<T> {
        match outcome.map_err(Into::into) {
            Ok(value) => return Some(value),
            Err(NightError::Problems(problems)) => self.problems.extend(problems),
            Err(failure) => self.failures.push(failure),
        }
        None
    }

    /// How much was found.
    pub(super) fn len(&self) -> usize {
        self.problems.0.len() + self.failures.len()
    }

    /// Adds what another check found.
    pub(super) fn extend(&mut self, other: Self) {
        self.problems.extend(other.problems);
        self.failures.extend(other.failures);
    }

    /// Nothing, when nothing was found; `note` is added to what was found.
    ///
    /// # Errors
    /// Everything found. A single failure stays what it is.
    pub(super) fn or_ok(mut self, note: Option<Diagnostic>) -> Result<(), NightError> {
        let is_alone = self.failures.len() == 1 && self.problems.0.is_empty() && note.is_none();
        if is_alone && let Some(failure) = self.failures.pop() {
            return Err(failure);
        }
        let mut all = self.all();
        all.0.extend(note);
        Ok(all.or_ok(())?)
    }

    /// Everything found, these problems among it.
    pub(super) fn and(mut self, problems: Problems) -> NightError {
        self.problems.extend(problems);
        self.all().into()
    }

    fn all(mut self) -> Problems {
        let failures = self.failures.iter().flat_map(diagnostics);
        self.problems.0.extend(failures);
        self.problems
    }
}

fn diagnostics(failure: &NightError) -> Vec<Diagnostic> {
    match failure {
        NightError::Contract(error) => {
            let problems = error.problems.iter();
            problems
                .map(|problem| Diagnostic::new(problem.to_string()))
                .collect()
        }
        failure => vec![Diagnostic::new(chain(failure))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineError;
    use crate::ground::{Classified, FailureKind};

    fn failed() -> Result<(), NightError> {
        let source = datafusion::error::DataFusionError::Plan("no such thing".to_owned());
        Err(EngineError::during("checking")(source).into())
    }

    #[test]
    fn failures_and_problems_are_told_together() {
        let mut found = Found::default();
        assert_eq!(found.keep(Ok::<_, NightError>(1)), Some(1));
        found.keep(failed());
        found.keep(Err::<(), _>(Problems(vec![Diagnostic::new("a is wrong")])));
        found.keep(failed());
        let note = Diagnostic::note("b is not checked");
        insta::assert_snapshot!(found.or_ok(Some(note)).unwrap_err(), @"
        error: a is wrong

        error: checking failed: Error during planning: no such thing

        error: checking failed: Error during planning: no such thing

        note: b is not checked
        ");
    }

    #[test]
    fn single_failure_stays_what_it_is() {
        let mut found = Found::default();
        found.keep(failed());
        let error = found.or_ok(None).unwrap_err();
        assert_eq!(error.kind(), FailureKind::Unexpected);
        assert!(Found::default().or_ok(None).is_ok());
    }
}
