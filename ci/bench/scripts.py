"""DuckDB's scripts: files of sql/ one after the other, with the values of a night filled in.

What tierline's SQL knows as $name - parameters and cut points - has the same name here. The scripts
are left in FOLDER/duckdb, ready for the DuckDB shell.
"""

import json
import shutil
import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from string import Template
from typing import Any

SQL = Path(__file__).with_name("sql")
PACK = Path(__file__).parents[2] / "sql"
VALUE_TIER_GRACE_DAYS = 7  # tierline's defaults, which the demo's job leaves as they are
HOLD_DAYS = 7


@dataclass(frozen=True)
class Scripts:
    """Writes the scripts that compute the snapshot of one night from the data of a folder."""

    folder: Path
    threads: int
    night: date
    cutpoints_id: str

    def remove_old(self) -> None:
        """Removes what earlier runs left."""
        shutil.rmtree(self.own_folder, ignore_errors=True)

    def user_days_before(self, day_count: int) -> Path:
        """The tables of user-days, day by day, as that many earlier nights would have left them."""
        days = [self.night - timedelta(days=ago) for ago in range(day_count, 0, -1)]
        return self.write("by_hand_build", self.session(), *map(self.add_user_days, days))

    def snapshot_from_raw(self) -> Path:
        staging = self.fill("staging", partitions="dt=*")
        features = self.fill("features_from_raw")
        return self.write("raw", self.session(), staging, features, self.snapshot("raw"))

    def snapshot_by_hand(self) -> Path:
        features = self.fill("features_from_user_days")
        added = self.add_user_days(self.night)
        return self.write("by_hand", self.session(), added, features, self.snapshot("by_hand"))

    def copy_of_snapshot(self) -> Path:
        files = self.published_files(self.night)
        copy = self.fill("copy", snapshot_files=files, target=self.target("copy"))
        return self.write("copy", self.session(), copy)

    def target(self, name: str) -> Path:
        """The snapshot that a script writes."""
        return self.own_folder / f"{name}.parquet"

    def published_files(self, day: date) -> list[str]:
        """The files of tierline's snapshot of a date, by the Delta log."""
        table = self.folder / "output" / "tables" / "tier_snapshot"
        files: set[str] = set()
        for commit in sorted(table.glob("_delta_log/*.json")):
            actions = [json.loads(line) for line in commit.read_text().splitlines()]
            files -= {action["remove"]["path"] for action in actions if "remove" in action}
            files |= {action["add"]["path"] for action in actions if "add" in action}
        return sorted(str(table / file) for file in files if f"snapshot_date={day}/" in file)

    @property
    def own_folder(self) -> Path:
        return self.folder / "duckdb"

    def session(self) -> str:
        return self.fill("session", threads=self.threads, spill_folder=self.own_folder / "spilled")

    def add_user_days(self, day: date) -> str:
        for source in ["orders", "engagement"]:
            folder = self.own_folder / "user_days" / source / f"dt={day}"
            folder.mkdir(parents=True, exist_ok=True)
        of_day = {"partitions": f"dt={day}", "day": day, "snapshot_date": f"DATE '{day}'"}
        return self.fill("staging", **of_day) + self.fill("user_days", **of_day)

    def snapshot(self, name: str) -> str:
        return self.fill(
            "snapshot",
            **tomllib.loads((PACK / "parameters.toml").read_text()),
            **self.cut_points(),
            cutpoints_id=self.cutpoints_id,
            value_tier_grace_days=VALUE_TIER_GRACE_DAYS,
            hold_days=HOLD_DAYS,
            previous_files=self.published_files(self.night - timedelta(days=1)),
            target=self.target(name),
        )

    def cut_points(self) -> dict[str, str]:
        """The cut points under the names that SQL knows, such as recency_days_cut_1."""
        path = self.folder / "output" / "calibrations" / f"{self.cutpoints_id}.json"
        return {
            f"{metric['metric']}_cut_{number}": cut
            for metric in json.loads(path.read_text())["metrics"]
            for number, cut in enumerate(metric["cuts"], start=1)
        }

    def fill(self, name: str, **values: Any) -> str:
        places = {
            "data": self.folder / "data",
            "reference": PACK / "reference",
            "user_days": self.own_folder / "user_days",
            "snapshot_date": f"DATE '{self.night}'",
            "timezone": tomllib.loads((self.folder / "jobs" / "demo.toml").read_text())["timezone"],
        }
        return Template((SQL / f"{name}.sql").read_text()).substitute(places | values)

    def write(self, name: str, *parts: str) -> Path:
        self.own_folder.mkdir(exist_ok=True)
        path = self.own_folder / f"{name}.sql"
        path.write_text("\n".join(parts))
        return path
