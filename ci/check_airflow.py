"""Runs the DAG of a job in the folder that is named, in the ways in which Airflow runs DAGs."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

from airflow.dag_processing.dagbag import DagBag
from airflow.models.asset import AssetEvent
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session

FOLDER = Path(sys.argv[1])


def load():
    """The DAG, which imports without errors and warnings; a failed task is tried once more at once."""
    bag = DagBag(str(FOLDER / "schedulers"))
    assert not bag.import_errors, bag.import_errors
    assert not bag.captured_warnings, bag.captured_warnings
    [dag] = bag.dags.values()
    assert str(dag.timezone) == "UTC", dag.timezone
    for task in dag.tasks:
        assert task.retries >= 3 and task.retry_delay >= timedelta(minutes=30), task
        task.retries, task.retry_delay = 1, timedelta()
    return dag


def run(what, expected, **when):
    """Runs the DAG and compares how its tasks ended, and how often they were tried."""
    finished = load().test(**when)
    with create_session() as session:
        tasks = finished.get_task_instances(session=session)
        found = {task.task_id: (str(task.state), task.try_number) for task in tasks}
    assert found == expected, f"{what}: {found}, expected {expected}"
    print(f"ok: {what}")
    return finished


def xcoms(finished):
    with create_session() as session:
        query = session.query(XComModel).filter_by(run_id=finished.run_id)
        return {(row.task_id, row.key): XComModel.deserialize_value(row) for row in query}


def asset_events(finished):
    with create_session() as session:
        events = session.query(AssetEvent).filter_by(source_run_id=finished.run_id)
        return [event.extra for event in events]


def check_night_of(finished, date):
    """One XCom, the result, and one event of the tables with what they are."""
    [((task, key), result)] = xcoms(finished).items()
    assert (task, key) == ("night", "return_value"), (task, key)
    assert result["snapshot_date"] == date, result
    [extra] = asset_events(finished)
    assert extra["snapshot_date"] == date and extra["run_id"] == result["run_id"], extra
    assert extra["versions"]["tier_snapshot"] == result["tables"]["tier_snapshot"]["version"], extra


def check_which_night():
    """Which night runs are of that need a scheduler."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("airflow_dag", FOLDER / "schedulers" / "airflow_dag.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    at = datetime(2026, 10, 30, 4, 30, tzinfo=UTC)
    for kind in ("scheduled", "backfill", "asset_triggered"):
        run = SimpleNamespace(run_type=kind, logical_date=at, run_after=at)
        assert module.asked_for({"as_of": None}, run) is None, kind
        assert module.due(run) == ["--as-of", "2026-10-30T04:30:00+00:00"], kind
        assert module.asked_for({"as_of": "2026-10-01"}, run) == ["--as-of", "2026-10-01"], kind
    print("ok: scheduled runs, those of a backfill and of an asset are of the night that was due")


def main():
    check_which_night()
    skipped, success = ("skipped", 1), ("success", 1)
    not_begun = ("upstream_failed", 0)

    asked = run(
        "a run by hand with `-l 2026-10-27` is of that date",
        {"night": success, "catch_up": skipped},
        logical_date=datetime(2026, 10, 27, tzinfo=UTC),
    )
    check_night_of(asked, "2026-10-27")
    run(
        "a date that is published already is skipped",
        {"night": skipped, "catch_up": skipped},
        logical_date=datetime(2026, 10, 27, tzinfo=UTC),
    )
    due = run(
        "a run by hand without a date is of the night that was due, and fills gaps",
        {"night": success, "catch_up": success},
        logical_date=None,
        run_after=datetime(2026, 10, 31, 4, 30, tzinfo=UTC),
    )
    check_night_of(due, "2026-10-30")
    run(
        "the gap is filled",
        {"night": skipped, "catch_up": skipped},
        logical_date=datetime(2026, 10, 29, tzinfo=UTC),
    )
    run(
        "`as_of` wins",
        {"night": skipped, "catch_up": skipped},
        logical_date=None,
        run_after=datetime(2026, 11, 2, 4, 30, tzinfo=UTC),
        run_conf={"as_of": "2026-10-30"},
    )
    run(
        "inputs that are not ready are tried again",
        {"night": ("failed", 2), "catch_up": not_begun},
        logical_date=None,
        run_after=datetime(2026, 11, 2, 4, 31, tzinfo=UTC),
    )
    audit = FOLDER / "sql" / "audits" / "blocks.sql"
    audit.write_text("SELECT user_id FROM publish.tier_snapshot\n")
    run(
        "what an audit blocks is not tried again",
        {"night": ("failed", 1), "catch_up": not_begun},
        logical_date=datetime(2026, 10, 31, tzinfo=UTC),
    )


main()
