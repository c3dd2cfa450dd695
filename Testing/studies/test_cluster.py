"""Studies on a real Dask cluster of this machine: a scheduler and two workers as processes."""

import json
import signal
import sys
import threading
from dataclasses import replace

import pytest

from IXGSLib.errors import IXGSError
from IXGSLib.runs.events import Reporter
from IXGSLib.studies.backends import DaskCluster
from IXGSLib.studies.execution import run_study
from IXGSLib.studies.folder import Records
from Testing.studies import standin
from Testing.studies.cluster import Cluster, until
from Testing.studies.standin import Heard

pytest.importorskip("distributed")


@pytest.fixture
def cluster(tmp_path):
    (tmp_path / "cluster").mkdir()
    found = Cluster(tmp_path / "cluster")
    yield found
    found.close()


class Client(threading.Thread):
    """A study in a thread, whose error is kept."""

    def __init__(self, plan, folder, address):
        super().__init__(daemon=True)
        self.plan, self.folder, self.heard, self.error = plan, folder, Heard(), None
        self.backend = DaskCluster(address, threads=1, work=standin.work, timeout=5)
        self.start()

    def run(self):
        try:
            self.summary = run_study(self.plan, self.folder, Reporter(self.heard), self.backend)
        except IXGSError as error:
            self.error = error


def test_a_killed_worker_and_a_killed_scheduler_lose_nothing(cluster, plan, tmp_path):
    """Runs of the killed worker are done again by the other; none appears twice."""
    study = tmp_path / "out"
    workers = [cluster.start_worker() for _ in range(2)]
    plan = replace(plan, settings={"tilt": 0.4}, factors={"views": (5, 7, 20), "seed": (0, 1, 2)})
    client = Client(plan, study, cluster.address)
    running = lambda: {pid: id for what, id, pid in standin.notes(study) if what == "begin"}  # noqa: E731
    until(lambda: {worker.pid for worker in workers} <= set(running()))
    killed = running()[workers[0].pid]
    workers[0].send_signal(signal.SIGKILL)
    client.join(90)
    assert client.error is None
    assert (client.summary.runs, client.summary.failed) == (9, 3)
    notes = standin.notes(study)
    assert {pid for what, id, pid in notes if id == killed and what == "end"} <= {workers[1].pid}
    ended = [id for what, id, _ in notes if what == "end"]
    assert len(ended) == len(set(ended)) == 6
    again = {id for id in running().values() if [n[1] for n in notes if n[0] == "begin"].count(id) > 1}
    assert again <= {killed}
    assert {e["id"] for e in client.heard.events if e["event"] == "run"} == Records(study).ids()

    longer = replace(plan, factors={"views": (5, 10, 20), "seed": (0, 1, 2)})
    client = Client(longer, study, cluster.address)
    until(lambda: any(what == "begin" for what, _, _ in standin.notes(study)[len(notes) :]))
    cluster.scheduler.send_signal(signal.SIGKILL)
    client.join(60)
    assert "the scheduler was lost; finished runs are kept" in str(client.error)
    cluster.start_scheduler()
    cluster.start_worker()
    client = Client(longer, study, cluster.address)
    client.join(60)
    assert client.error is None
    assert (client.summary.runs, client.summary.failed) == (9, 0)
    ended = [id for what, id, _ in standin.notes(study) if what == "end"]
    assert len(ended) == len(set(ended)) == 9


def test_a_real_run_on_a_cluster_by_the_command(cluster, tiny, tmp_path, capsys):
    from IXGSLib.cli import main

    cluster.start_worker()
    words = ["study", str(tiny), "--out", str(tmp_path / "out"), "--scheduler", cluster.address, "--threads", "1"]
    assert main([*words, "--small", "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["status"] for event in events if event["event"] == "run"] == ["done"]
    assert (events[-1]["runs"], events[-1]["failed"]) == (1, 0)


def test_an_address_without_scheduler_is_refused(plan, tmp_path, reporter):
    with pytest.raises(IXGSError, match="no Dask scheduler answers"):
        run_study(plan, tmp_path / "out", reporter, DaskCluster("tcp://127.0.0.1:9", work=standin.work, timeout=1))


def test_without_dask_the_extra_is_named(plan, tmp_path, reporter, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(IXGSError, match=r"pip install 'IXGSLib\[cluster\]'"):
        run_study(plan, tmp_path / "out", reporter, DaskCluster("tcp://127.0.0.1:9"))
