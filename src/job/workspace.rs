//! The places a job works in: its output and its sources, opened.

use std::collections::BTreeMap;

use crate::ground::Layout;
use crate::job::Job;
use crate::storage::{Location, StorageError, Stores, TrafficTotals};

/// The opened locations of a job.
#[derive(Debug)]
pub struct Workspace {
    /// Where everything is published and kept.
    pub output: Location,
    /// The paths below the output.
    pub layout: Layout,
    /// The delivered sources.
    pub sources: BTreeMap<String, Location>,
    /// This machine's disk, for what is kept aside during a run.
    pub disk: Location,
}

impl Workspace {
    /// Opens every location of a job.
    ///
    /// # Errors
    /// URLs that no store understands.
    pub fn open(job: &Job) -> Result<Self, StorageError> {
        let mut stores = Stores::new(job.retry_policy);
        let output = stores.open(&job.output, &job.base)?;
        let mut sources = BTreeMap::new();
        for (name, source) in &job.sources {
            if let Some(url) = &source.url {
                sources.insert(name.clone(), stores.open(url, &job.base)?);
            }
        }
        Ok(Self {
            layout: Layout::below(output.path.clone()),
            disk: stores.open_scratch()?,
            output,
            sources,
        })
    }

    /// Every location, for the engine's session.
    pub fn locations(&self) -> impl Iterator<Item = &Location> {
        [&self.output, &self.disk]
            .into_iter()
            .chain(self.sources.values())
    }

    /// Requests and bytes so far, over all stores.
    pub fn traffic(&self) -> TrafficTotals {
        let by_store: BTreeMap<&str, TrafficTotals> = [&self.output]
            .into_iter()
            .chain(self.sources.values())
            .map(|location| (location.root.as_str(), location.traffic.totals()))
            .collect();
        by_store
            .into_values()
            .fold(TrafficTotals::default(), |sum, store| sum + store)
    }
}
