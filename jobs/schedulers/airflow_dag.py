"""Airflow: one night a day, exit codes turned into what Airflow should do about them.

`data_interval_end` is the fire time under Airflow 2 and 3, and tierline takes it as an exclusive
bound. A manual run may have none: give it the parameter `as_of`, which wins.
"""

import json
import subprocess
from datetime import datetime, timedelta

from airflow.decorators import dag, task
from airflow.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from airflow.models.param import Param

JOB = "/srv/tierline/jobs/production.toml"
NEVER_RETRY = {2, 3}  # job, SQL or reference files wrong; blocked by an audit, contract or guard
NOTHING_TO_DO = 99


@dag(
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 6, "retry_delay": timedelta(minutes=30)},
    params={"as_of": Param(None, type=["null", "string"])},
)
def tierline():
    @task
    def night(params=None, data_interval_end=None) -> dict:
        as_of = params["as_of"] or data_interval_end.isoformat()
        command = ["tierline", "run", JOB, "--as-of", as_of, "--output", "json", "--skip-exit-code"]
        finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if finished.returncode == NOTHING_TO_DO:
            raise AirflowSkipException("already published from identical inputs")
        if finished.returncode in NEVER_RETRY:
            raise AirflowFailException(finished.stdout)
        if finished.returncode != 0:
            raise AirflowException(finished.stdout)
        return json.loads(finished.stdout.splitlines()[-1])

    night()


tierline()
