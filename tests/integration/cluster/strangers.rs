//! Whoever reaches a cluster's ports can have nothing done but tierline's own work.

#![expect(
    clippy::disallowed_methods,
    reason = "a stranger has sessions of its own"
)]

use std::sync::Arc;

use ballista_core::execution_plans::execute_physical_plan;
use ballista_core::extension::{SessionConfigExt, SessionStateExt};
use ballista_core::serde::BallistaPhysicalExtensionCodec;
use datafusion::datasource::file_format::options::CsvReadOptions;
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_proto::protobuf::PhysicalPlanNode;
use futures::TryStreamExt;
use tempfile::TempDir;

use super::processes::Cluster;

const SECRET: &str = "a-secret-of-this-machine";

/// A file that a stranger would like to read.
fn file() -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("secret.csv");
    std::fs::write(&path, format!("line\n{SECRET}\n")).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

/// Sends the physical plan of a query.
async fn physical(url: &str, path: &str) -> Result<String> {
    let here = SessionContext::new();
    let rows = here.read_csv(path, CsvReadOptions::new()).await?;
    let plan = rows.create_physical_plan().await?;
    let config = SessionConfig::new_with_ballista();
    let settings = config.ballista_config();
    let codec = BallistaPhysicalExtensionCodec::default();
    let session = "0b0c5dc5-0000-4000-8000-000000000000".to_owned();
    let rows = execute_physical_plan::<PhysicalPlanNode>(
        url.to_owned(),
        &settings,
        plan,
        &codec,
        session,
        config,
    );
    let rows: Vec<_> = rows.await?.try_collect().await?;
    Ok(format!("{rows:?}"))
}

/// Sends a query as it is.
async fn logical(url: &str, path: &str) -> Result<String> {
    let state = SessionState::new_ballista_state(url.to_owned())?;
    let there = SessionContext::new_with_state(state);
    let rows = there.read_csv(path, CsvReadOptions::new()).await?;
    Ok(format!("{:?}", rows.collect().await?))
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_of_strangers_are_refused() {
    let cluster = Arc::new(Cluster::start(1, Vec::new()));
    let (_folder, path) = file();
    let url = cluster.url();
    for refused in [physical(&url, &path).await, logical(&url, &path).await] {
        let told = refused.unwrap_err().to_string();
        assert!(told.contains("the work of tierline alone"), "{told}");
        assert!(!told.contains(SECRET), "{told}");
    }
}
