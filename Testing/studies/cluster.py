"""A Dask cluster of this machine, as processes."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import IXGSLib

ROOT = Path(IXGSLib.__file__).parents[1]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s",
    "DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT": "1s",
}


class Cluster:
    """A scheduler and workers, each a process that a test may kill."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        self.scheduler = self.start_scheduler()

    def start_scheduler(self):
        file = self.folder / f"scheduler{len(self.processes)}.json"
        process = self._start("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", file)
        until(file.is_file)
        until(lambda: file.read_text().endswith("}"))
        self.address = json.loads(file.read_text())["address"]
        return process

    def start_worker(self):
        words = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", self.folder / "dask")
        return self._start("worker", self.address, *words)

    def _start(self, *words):
        with (self.folder / f"{words[0]}{len(self.processes)}.log").open("w") as log:
            words = [sys.executable, "-m", "dask", *map(str, words)]
            process = subprocess.Popen(words, env=ENVIRONMENT, cwd=ROOT, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited for too long"
        time.sleep(0.02)
