//! This execution of the program: its id, and who has started it.

use uuid::Uuid;

use crate::ground::{AirflowTask, Execution};

/// A new id, with what the environment says of the scheduler.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line is where the environment is read"
)]
pub(super) fn begin() -> Execution {
    let told = |name: &str| {
        let value = std::env::var(format!("AIRFLOW_CTX_{name}")).ok();
        value.filter(|value| !value.is_empty())
    };
    let airflow = told("DAG_ID").map(|dag_id| AirflowTask {
        dag_id,
        dag_run_id: told("DAG_RUN_ID"),
        task_id: told("TASK_ID"),
        try_number: told("TRY_NUMBER"),
    });
    Execution {
        id: Uuid::new_v4().to_string(),
        airflow,
    }
}
