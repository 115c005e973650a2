//! Which execution of the program log lines and results are of. A run, which has an id made from its
//! inputs, may take several.

use serde::Serialize;

/// One execution of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Execution {
    /// A UUID of its own.
    pub id: String,
    /// The task of Airflow that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub airflow: Option<AirflowTask>,
}

/// What Airflow says of a task, in the variables `AIRFLOW_CTX_*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AirflowTask {
    /// The DAG.
    pub dag_id: String,
    /// Its run, such as `scheduled__2026-11-20T02:30:00+00:00`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dag_run_id: Option<String>,
    /// The task in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// The number of the try, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub try_number: Option<String>,
}
