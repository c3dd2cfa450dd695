"""A lock is held by one process at a time, and is void once that process has ended."""

import json
import os
import socket
import subprocess
import sys

import pytest

from IXGSLib.errors import IXGSError
from IXGSLib.runs.lock import Lock

RACE = """
import os, sys, time
from pathlib import Path
from IXGSLib.errors import IXGSError
from IXGSLib.runs.lock import Lock

folder, rounds, processes = Path(sys.argv[1]), 40, 6
for number in range(rounds):
    path = folder / f"{number}.lock"
    if number % 2:
        path.write_text('{"pid": 4194305, "host": "%s"}' % os.uname().nodename)  # of a process that has ended
    start, ready = os.pipe()
    held, children = [], []
    for _ in range(processes):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(ready)
            os.read(start, 1)  # all start when the parent closes its end
            try:
                Lock(path).acquire()
                os.write(write, b"1")
            except IXGSError:
                os.write(write, b"0")
            os.close(write)
            time.sleep(60)  # works until the parent kills it
            os._exit(0)
        os.close(write)
        held.append(read)
        children.append(child)
    os.close(ready)
    print(sum(os.read(read, 1) == b"1" for read in held), flush=True)
    for child in children:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert not list(folder.glob(".*.tmp")), list(folder.iterdir())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="starts processes by forking")
def test_of_processes_that_start_at_once_one_gets_the_lock(tmp_path):
    found = subprocess.run(
        [sys.executable, "-c", RACE, str(tmp_path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == ["1"] * 40


def test_a_lock_names_its_process_and_goes_with_its_release(tmp_path):
    lock = Lock(tmp_path / "run.lock")
    lock.acquire()
    content = json.loads((tmp_path / "run.lock").read_text())
    assert (content["pid"], content["host"]) == (os.getpid(), socket.gethostname())
    lock.release()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', '{"pid": "x", "host": "y"}'])
def test_an_empty_or_damaged_lock_is_void(tmp_path, content):
    (tmp_path / "run.lock").write_text(content)
    lock = Lock(tmp_path / "run.lock")
    lock.check()
    lock.acquire()
    assert json.loads((tmp_path / "run.lock").read_text())["pid"] == os.getpid()
    assert [path.name for path in tmp_path.iterdir()] == ["run.lock"]


def test_a_full_disk_leaves_no_lock(tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(IXGSError, match="No space left"):
        Lock(tmp_path / "run.lock").acquire()
    assert list(tmp_path.iterdir()) == []


def test_a_void_lock_that_was_replaced_meanwhile_stays(tmp_path):
    path = tmp_path / "run.lock"
    path.write_text('{"pid": -1}')
    slow = Lock(path)
    void = slow._owner()
    Lock(path).acquire()
    slow._remove(void)
    assert json.loads(path.read_text())["pid"] == os.getpid()
