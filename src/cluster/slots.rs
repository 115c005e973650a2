//! How many pieces executors may be given: as many as they take at a time, less those that they have.
//!
//! Ballista counts free slots down when it gives a task out and up when it hears of its end, but for tasks of a job
//! that has failed, and of a stage that is rolled back with a lost executor: these slots would never be free again, and
//! work would wait for ever. So they are counted anew, from the jobs that run, whenever pieces are given out.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::error::Result;
use ballista_core::serde::protobuf::ExecutorHeartbeat;
use ballista_core::serde::scheduler::{ExecutorData, ExecutorMetadata};
use ballista_scheduler::cluster::{BoundTask, ClusterState, ClusterStateEventStream, ExecutorSlot};
use ballista_scheduler::config::TaskDistributionPolicy;
use ballista_scheduler::state::task_manager::JobInfoCache;

/// The slots of executors by their ids.
type Slots = HashMap<String, u32>;

/// The executors of a scheduler, with their slots counted anew.
pub(super) struct CountedSlots {
    executors: Arc<dyn ClusterState>,
    /// The free slots of each, as `executors` counts them.
    free: Mutex<Slots>,
}

impl CountedSlots {
    pub(super) fn new(executors: Arc<dyn ClusterState>) -> Self {
        Self {
            executors,
            free: Mutex::default(),
        }
    }

    /// Changes what is free of an executor, where there is one of that id.
    fn change(&self, executor: &str, change: impl FnOnce(&mut u32)) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.get_mut(executor).map(change);
    }

    /// The slots that should be free and are not.
    async fn lost(&self, jobs: &HashMap<JobId, JobInfoCache>) -> Vec<ExecutorSlot> {
        let mut taken = Slots::new();
        for job in jobs.values() {
            let graph = job.execution_graph.read().await;
            for task in graph.running_tasks() {
                let slots = graph.task_vcores(task.stage_id, task.task_id);
                *taken.entry(task.executor_id).or_default() += slots.unwrap_or_default();
            }
        }
        let all = self.executors.registered_executor_metadata().await;
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = all.into_iter().filter_map(|executor| {
            let free = *free.get(&executor.id)?;
            let taken = taken.get(&executor.id).copied().unwrap_or_default();
            let lost = executor.specification.vcores.checked_sub(free + taken)?;
            (lost > 0).then_some((executor.id, lost))
        });
        lost.collect()
    }
}

#[async_trait]
impl ClusterState for CountedSlots {
    async fn init(&self) -> Result<()> {
        self.executors.init().await
    }

    async fn bind_schedulable_tasks(
        &self,
        distribution: TaskDistributionPolicy,
        active_jobs: Arc<HashMap<JobId, JobInfoCache>>,
        executors: Option<HashSet<String>>,
    ) -> Result<Vec<BoundTask>> {
        let lost = self.lost(&active_jobs).await;
        if !lost.is_empty() {
            tracing::debug!(?lost, "slots are free again");
            self.unbind_tasks(lost).await?;
        }
        let bound = self
            .executors
            .bind_schedulable_tasks(distribution, active_jobs, executors);
        let bound = bound.await?;
        for (executor, task) in &bound {
            self.change(executor, |free| {
                *free = free.saturating_sub(task.vcores_consumed);
            });
        }
        Ok(bound)
    }

    async fn unbind_tasks(&self, slots: Vec<ExecutorSlot>) -> Result<()> {
        for (executor, freed) in &slots {
            self.change(executor, |free| *free += freed);
        }
        self.executors.unbind_tasks(slots).await
    }

    async fn register_executor(
        &self,
        metadata: ExecutorMetadata,
        spec: ExecutorData,
    ) -> Result<()> {
        let (executor, slots) = (spec.executor_id.clone(), spec.available_vcores);
        self.executors.register_executor(metadata, spec).await?;
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.insert(executor, slots);
        Ok(())
    }

    async fn save_executor_metadata(&self, metadata: ExecutorMetadata) -> Result<()> {
        self.executors.save_executor_metadata(metadata).await
    }

    async fn get_executor_metadata(&self, executor_id: &str) -> Result<ExecutorMetadata> {
        self.executors.get_executor_metadata(executor_id).await
    }

    async fn registered_executor_metadata(&self) -> Vec<ExecutorMetadata> {
        self.executors.registered_executor_metadata().await
    }

    async fn save_executor_heartbeat(&self, heartbeat: ExecutorHeartbeat) -> Result<()> {
        self.executors.save_executor_heartbeat(heartbeat).await
    }

    async fn remove_executor(&self, executor_id: &str) -> Result<()> {
        let removed = self.executors.remove_executor(executor_id).await;
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.remove(executor_id);
        removed
    }

    fn executor_heartbeats(&self) -> HashMap<String, ExecutorHeartbeat> {
        self.executors.executor_heartbeats()
    }

    fn get_executor_heartbeat(&self, executor_id: &str) -> Option<ExecutorHeartbeat> {
        self.executors.get_executor_heartbeat(executor_id)
    }

    async fn cluster_state_events(&self) -> Result<ClusterStateEventStream> {
        self.executors.cluster_state_events().await
    }
}
