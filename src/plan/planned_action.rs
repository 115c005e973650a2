//! Whether a night has anything to do.

/// Whether the night has anything to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlannedAction {
    /// D is published from exactly these inputs.
    Nothing {
        /// The run that published it.
        run_id: String,
    },
    /// D is not published yet.
    Publish,
    /// D is published from other inputs.
    Replace {
        /// The run that published it.
        run_id: String,
        /// What is other than it was then.
        changed: Vec<&'static str>,
    },
}
