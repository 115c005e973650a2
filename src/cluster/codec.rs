//! How a [`WorkExec`] travels: its task behind a mark. Everything else is left to another codec, which is
//! that of the cluster where one is at work.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};

use super::work::{WorkExec, Worker};

/// What the bytes of a task begin with.
const MARK: &[u8] = b"tierline work 2\n";

/// The codec.
pub(super) struct WorkCodec {
    /// Who carries out what is read; none where it is only passed on.
    worker: Option<Worker>,
    others: Arc<dyn PhysicalExtensionCodec>,
    /// Whether tasks are taken at all; always when none.
    takes_tasks: Option<Arc<AtomicBool>>,
}

/// What is said of a task that is not taken.
pub(super) const NO_EXECUTOR: &str = "the scheduler has no executor";

impl WorkCodec {
    pub(super) fn new(worker: Option<Worker>, others: Arc<dyn PhysicalExtensionCodec>) -> Self {
        Self {
            worker,
            others,
            takes_tasks: None,
        }
    }

    /// The same, which takes tasks only while that is so.
    pub(super) fn only_while(self, takes_tasks: Arc<AtomicBool>) -> Self {
        Self {
            takes_tasks: Some(takes_tasks),
            ..self
        }
    }

    fn check_takes(&self) -> Result<()> {
        let takes = self.takes_tasks.as_ref();
        match takes.is_none_or(|takes| takes.load(Ordering::Relaxed)) {
            true => Ok(()),
            false => Err(DataFusionError::Execution(NO_EXECUTOR.to_owned())),
        }
    }
}

impl fmt::Debug for WorkCodec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WorkCodec before {:?}", self.others)
    }
}

impl PhysicalExtensionCodec for WorkCodec {
    fn try_decode(
        &self,
        bytes: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (bytes.strip_prefix(MARK), inputs) {
            (Some(task), [pieces]) => {
                self.check_takes()?;
                let (pieces, worker) = (Arc::clone(pieces), self.worker.clone());
                Ok(Arc::new(WorkExec::new(task.into(), pieces, worker)))
            }
            (Some(_), _) => Err(DataFusionError::Plan("a task has one input".to_owned())),
            (None, _) => self.others.try_decode(bytes, inputs, context, converter),
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        bytes: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        match node.downcast_ref::<WorkExec>() {
            Some(work) => {
                bytes.extend_from_slice(MARK);
                bytes.extend_from_slice(work.task());
                Ok(())
            }
            None => self.others.try_encode(node, bytes, converter),
        }
    }
}
