"""bench.json: the versions and every run so far, each with the machine and the day."""

from __future__ import annotations

import json
import platform
import subprocess
import time
from collections.abc import Collection, Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from IXGSLib.compute.threads import thread_count
from IXGSLib.files import write_atomically

STORE = Path(__file__).with_name("quality") / "bench.json"
DIGITS = 4
Key = tuple[str, str, int]
"""Case, method and seed."""
PACKAGES = ("IXGSLib", "itk-rtk", "torch", "numba", "numpy")


class Store:
    """What has been measured, written after every addition."""

    def __init__(self, file: Path = STORE) -> None:
        self.file = file
        self.content: dict[str, Any] = {"runs": []}
        if file.exists():
            self.content = json.loads(file.read_text(encoding="utf-8"))

    @property
    def runs(self) -> list[dict[str, Any]]:
        return self.content["runs"]

    def has(self, case: str, method: str, seed: int) -> bool:
        return (case, method, seed) in {_key(run) for run in self.runs}

    def add(self, run: dict[str, Any]) -> None:
        """Add a run, in place of an earlier one of the same case, method and seed."""
        run = rounded(run | {"commit": commit(), "machine": machine(), "date": time.strftime("%Y-%m-%d")})
        self._write(runs=[*(r for r in self.runs if _key(r) != _key(run)), run])

    def add_scaling(self, scaling: dict[str, Any]) -> None:
        self._write(scaling=rounded(scaling))

    def check_machine(self, planned: Collection[Key]) -> None:
        """Exits where planned runs would stand beside others of their case from another machine: times must compare."""
        cases = {case for case, _, _ in planned}
        for run in self.runs:
            if run["case"] in cases and run["machine"] != machine() and _key(run) not in planned:
                raise SystemExit(
                    f"{self.file} holds {'/'.join(map(str, _key(run)))} from {run['machine']}, this is {machine()}: "
                    f"measure all of the case again, or move the file away to begin anew"
                )

    def _write(self, **changed: Any) -> None:
        self.content = {**self.content, "versions": versions(), **changed}
        write_atomically(self.file, _text(self.content).encode())


def measured_on(runs: Iterable[dict[str, Any]]) -> str:
    """The machines and the days of some runs, in words."""
    runs = list(runs)
    machines, days = dict.fromkeys(run["machine"] for run in runs), sorted({run["date"] for run in runs})
    return f"{' and '.join(machines)}; {' to '.join(dict.fromkeys((days[0], days[-1])))}"


def machine() -> str:
    count = thread_count()
    return f"{count} {'core' if count == 1 else 'cores'} ({_processor()})"


def versions() -> dict[str, str]:
    found = {"Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """The commit of the library, with a + when its files differ from it."""
    folder = Path(__file__).resolve().parents[2]

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "--", "IXGSLib") else "")


def rounded(value: Any) -> Any:
    """Numbers in nested lists and objects to DIGITS significant digits."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _text(content: dict[str, Any]) -> str:
    """JSON with a line for each run."""
    runs = ",\n  ".join(json.dumps(run) for run in content["runs"])
    others = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in content.items() if key != "runs"]
    return ",\n".join(["{\n" + ",\n".join(others), f' "runs": [\n  {runs}\n ]\n}}\n'])


def _key(run: dict[str, Any]) -> Key:
    return run["case"], run["method"], run["seed"]


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
