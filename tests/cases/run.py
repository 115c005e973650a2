"""Runs the cases, each in a folder of its own, and tells which of them went wrong.

    python3 tests/cases/run.py TIERLINE [NAME ...]

NAMEs pick the cases whose names contain one of them; without, all are run. A case is a function
whose name begins with `case_`, in a `*_cases.py` beside this file; see README.md.
"""

import importlib
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lake import Lake

HERE = Path(__file__).parent


def find_cases() -> dict[str, Callable[[Lake], None]]:
    cases = {}
    for path in sorted(HERE.glob("*_cases.py")):
        area = path.stem.removesuffix("_cases")
        for name, function in vars(importlib.import_module(path.stem)).items():
            if name.startswith("case_"):
                cases[f"{area}/{name.removeprefix('case_')}"] = function
    return cases


def main() -> int:
    binary, names = Path(sys.argv[1]).resolve(), sys.argv[2:]
    cases = {name: case for name, case in find_cases().items()
             if not names or any(part in name for part in names)}
    assert cases, f"no case has a name with {' or '.join(names)}"
    with tempfile.TemporaryDirectory(prefix="tierline-cases-") as folder:
        root = Path(folder)
        project = root / "project"
        Lake.init(binary, project)

        def outcome(name: str) -> tuple[float, str | None]:
            start = time.monotonic()
            try:
                cases[name](Lake(root / name, binary, project))
                error = None
            except Exception:
                error = traceback.format_exc()
            return time.monotonic() - start, error

        failed = 0
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for name, (seconds, error) in zip(cases, pool.map(outcome, cases)):
                print(f"{'failed' if error else 'ok':6} {seconds:5.1f} s  {name}", flush=True)
                if error:
                    failed += 1
                    print(error)
        print(f"{len(cases) - failed} of {len(cases)} cases are right")
    return 1 if failed else 0


if __name__ == "__main__":
    verdict = main()
    # The readers' threads may outlive the interpreter, which then aborts: the verdict is in by now.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(verdict)
