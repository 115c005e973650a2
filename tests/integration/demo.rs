//! `tierline demo`, beside what lies in its folder.

use std::fs;

use tempfile::TempDir;

use crate::support::command::{Finished, Tierline, demo_of};

#[test]
fn a_demo_is_not_mixed_with_another() {
    let folder = TempDir::new().unwrap();
    let demo = |arguments: &[&str]| -> Finished {
        let demo = Tierline::new().args(["demo"]).args([folder.path()]);
        demo.args(["--nights", "0"]).args(arguments).run()
    };
    let refused = |finished: &Finished, why: &str| {
        assert_eq!(finished.exit_code, 2, "{finished:?}");
        let expected = format!("`{}` has {why}", folder.path().display());
        assert!(finished.stderr.contains(&expected), "{finished:?}");
        let help = "= help: name another folder, or delete that one";
        assert!(finished.stderr.contains(help), "{finished:?}");
    };
    let days_of_orders = || {
        fs::read_dir(folder.path().join("data/orders"))
            .unwrap()
            .count()
    };
    demo_of("0", folder.path());
    let days = days_of_orders();

    let fewer = demo(&["--users", "200", "--days", "10"]);
    refused(
        &fewer,
        "a demo of other data, --users 300 --days 100 --seed 1",
    );
    assert_eq!(days_of_orders(), days);
    demo_of("0", folder.path());

    let same = ["--users", "300", "--days", "100"];
    let job = folder.path().join("jobs/demo.toml");
    let edited = fs::read_to_string(&job).unwrap() + "\n[params]\n";
    fs::write(&job, &edited).unwrap();
    refused(
        &demo(&same),
        &format!("a job of its own, {}", job.display()),
    );
    assert_eq!(fs::read_to_string(&job).unwrap(), edited);

    fs::remove_file(&job).unwrap();
    fs::remove_file(folder.path().join("data/sample.txt")).unwrap();
    refused(&demo(&same), "data that are not of this demo");

    fs::remove_dir_all(folder.path().join("data")).unwrap();
    let anew = demo(&["--users", "200", "--days", "10"]);
    assert_eq!(anew.exit_code, 0, "{anew:?}");
}
