"""Airflow 3: one night a day, and after it what was missed before.

| run | night |
|---|---|
| scheduled, or of a backfill of Airflow | the last business day that had ended when it was due |
| by hand, with a date (`-l 2026-11-20`) | that date |
| by hand, with a time | the last business day that had ended by then |
| by hand without either, or by an asset | the last business day that had ended when it was triggered |
| with the parameter `as_of`, which wins | as `tierline run --as-of` takes it |

Exit codes 2 and 3 fail at once, since a retry cannot help, and 99 skips: the night is published
already. Anything else is tried again for ten hours; 4 says that the inputs are not there yet.
"""

import json
import subprocess
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from airflow.sdk import Asset, Param, dag, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

FOLDER = "/srv/tierline"
TIERLINE = "/usr/local/bin/tierline"
JOB = "jobs/production.toml"
TIMEZONE = ZoneInfo("Etc/UTC")
TABLES = Asset("tierline-production")

NEVER_RETRY = {2, 3}  # job, SQL or reference files wrong; blocked by an audit, contract or guard
NOTHING_TO_DO = 99


def call(command, *arguments) -> dict:
    """Calls tierline and returns its result, or ends the task as the exit code says."""
    line = [TIERLINE, command, JOB, *arguments, "--output", "json", "--skip-exit-code"]
    try:
        finished = subprocess.run(line, cwd=FOLDER, stdout=subprocess.PIPE, text=True, check=False)
    except OSError as error:
        raise AirflowFailException(f"cannot call tierline: {error}") from error
    # A command line that cannot be read has no result.
    result = json.loads(finished.stdout or "{}")
    if finished.returncode == 0:
        return result
    if finished.returncode == NOTHING_TO_DO:
        raise AirflowSkipException("nothing to do: published already, from identical inputs")
    message = f"exit code {finished.returncode}: {result.get('error', 'see the log')}"
    if finished.returncode in NEVER_RETRY:
        raise AirflowFailException(message)
    raise AirflowException(message)


def asked_for(params, dag_run) -> list[str] | None:
    """The night that somebody has asked for by a date or a time; none means the one that is due."""
    if params["as_of"]:
        return ["--as-of", params["as_of"]]
    asked = dag_run.logical_date
    if dag_run.run_type != "manual" or asked is None:
        return None
    # A date without a time arrives as a midnight.
    for local in (asked.astimezone(UTC), asked.astimezone(TIMEZONE)):
        if local.time() == time.min:
            return ["--date", local.date().isoformat()]
    return ["--as-of", asked.isoformat()]


def due(dag_run) -> list[str]:
    """The night of the time at which a run was due, whenever it is tried again."""
    return ["--as-of", dag_run.run_after.isoformat()]


@dag(
    dag_id="tierline-production",
    # In the timezone of `start_date`. No clock change skips that time or has it twice.
    schedule="30 4 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=TIMEZONE),
    catchup=False,
    max_active_runs=1,
    params={"as_of": Param(None, type=["null", "string"])},
)
def tierline():
    # `max_active_runs` does not hold for the runs of Airflow's backfills: `max_active_tis_per_dag`
    # does, and takes them in the order of their dates.
    @task(
        outlets=[TABLES],
        multiple_outputs=False,
        max_active_tis_per_dag=1,
        retries=20,
        retry_delay=timedelta(minutes=30),
    )
    def night(params=None, dag_run=None, outlet_events=None) -> dict:
        result = call("run", *(asked_for(params, dag_run) or due(dag_run)))
        versions = {name: table["version"] for name, table in result["tables"].items()}
        outlet_events[TABLES].extra = {
            "snapshot_date": result["snapshot_date"],
            "run_id": result["run_id"],
            "versions": versions,
        }
        return result

    # A task of its own, so that its failure does not hide that the night went well.
    @task(
        trigger_rule="none_failed",
        do_xcom_push=False,
        max_active_tis_per_dag=1,
        retries=3,
        retry_delay=timedelta(minutes=30),
    )
    def catch_up(params=None, dag_run=None):
        if asked_for(params, dag_run) or dag_run.run_type == "backfill":
            raise AirflowSkipException("this run is of one night")
        call("backfill", "--gaps", "30", "--affected")

    night() >> catch_up()


tierline()
