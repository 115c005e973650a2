"""The folder that is measured in: sample data, its job, tierline's output and a copy of it."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Size:
    """The sample data that are wanted."""

    users: int
    days: int
    seed: int = 1


@dataclass(frozen=True)
class Sample:
    """The parts of the folder."""

    folder: Path

    @property
    def job(self) -> Path:
        return self.folder / "jobs" / "demo.toml"

    @property
    def output(self) -> Path:
        return self.folder / "output"

    def kept_output(self, name: str = "kept") -> Path:
        return self.folder / f"output-{name}"

    def make(self, binary: Path, size: Size) -> None:
        """Makes the data, unless they are there."""
        note = self.folder / "sample.json"
        if note.exists() and json.loads(note.read_text()) == asdict(size):
            return
        if not note.exists() and self.folder.exists() and any(self.folder.iterdir()):
            sys.exit(f"{self.folder} holds something else; give another --folder")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        note.write_text("{}")  # not yet what is wanted, but ours
        flags = [f"--{name}={value}" for name, value in asdict(size).items()]
        subprocess.run([binary, "demo", self.folder, *flags, "--nights=0"],
                       check=True, stdout=subprocess.DEVNULL)
        note.write_text(json.dumps(asdict(size)))

    def set_engine(self, threads: int, settings: str = "") -> None:
        """Writes [engine] of the job; `settings` is more of its lines."""
        before_engine = self.job.read_text().partition("\n[engine]\n")[0]
        self.job.write_text(f"{before_engine}\n[engine]\nthreads = {threads}\n{settings}\n")

    def remove_output(self) -> None:
        shutil.rmtree(self.output, ignore_errors=True)

    def keep_output(self, name: str = "kept") -> None:
        """Keeps the output as it is now, in place of what was kept by this name."""
        shutil.rmtree(self.kept_output(name), ignore_errors=True)
        link_files(self.output, self.kept_output(name))

    def restore_output(self, name: str = "kept") -> None:
        """Puts back the output as it was kept."""
        self.remove_output()
        link_files(self.kept_output(name), self.output)

    def kept_files(self) -> dict[Path, tuple[int, int]]:
        """Changes when somebody writes into a kept file instead of beside it."""
        files = [path for path in self.kept_output().rglob("*") if path.is_file()]
        return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def link_files(source: Path, target: Path) -> None:
    """Copies a folder without its bytes: a copy of them would be written out while others run."""
    shutil.copytree(source, target, copy_function=os.link)
