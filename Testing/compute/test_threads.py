from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from IXGSLib.compute import threads
from IXGSLib.errors import SettingsError
from Testing.rendering.scenes import c_arm, needles, oblique_grid, random_cloud, rendered


@pytest.fixture
def restored():
    before = threads.thread_count()
    yield
    threads.set_thread_count(before)


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("cloud", [random_cloud(500), needles()])
@pytest.mark.parametrize("target", [c_arm(), oblique_grid()])
def test_results_do_not_depend_on_the_number_of_threads(cloud, target):
    results = []
    for count in (1, 2, 3, 3):
        threads.set_thread_count(count)
        results.append(rendered(cloud, target, "cpu"))
    for result in results[1:]:
        assert all(torch.equal(result[name], values) for name, values in results[0].items())


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("length", [0, 1, 3, 8, 1001])
def test_every_part_of_the_work_is_done_once(count, length):
    threads.set_thread_count(count)
    done = [0] * length
    chunks = []

    def mark(chunk, start, stop):
        chunks.append(chunk)
        for n in range(start, stop):
            done[n] += 1

    threads.run(mark, length)
    assert done == [1] * length
    assert sorted(chunks) == list(range(threads.CHUNKS))


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("count", [1, 2])
def test_errors_of_the_work_are_raised(count):
    threads.set_thread_count(count)

    def fail(chunk, start, stop):
        if chunk == threads.CHUNKS - 1:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        threads.run(fail, 100)


@pytest.mark.parametrize("count", [0, -1])
def test_no_threads_are_refused(count):
    before = threads.thread_count()
    with pytest.raises(SettingsError, match="at least one"):
        threads.set_thread_count(count)
    assert threads.thread_count() == before


FORK = """
import os, sys
import numpy as np
from IXGSLib.compute import threads
from IXGSLib.compute.merging import sum_chunks

def total():
    return float(sum_chunks(np.ones((threads.CHUNKS, 100, 4), np.float32), 4).sum())

threads.set_thread_count(2)
assert total() == 3200 and threads._pool is not None
child = os.fork()
if child == 0:
    # The pool that was inherited has no threads, so that waiting for them would never end.
    inherited = threads._pool
    os._exit(0 if inherited is None and total() == 3200 and threads._pool is not None else 1)
_, status = os.waitpid(child, 0)
assert total() == 3200
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_runs_kernels_on_threads_of_its_own():
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
