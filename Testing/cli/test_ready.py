"""A process that waits for a command of IXGS."""

import subprocess
import sys
import time

import pytest

from IXGSLib.cli import ready
from IXGSLib.runs.child import PROGRAM, ReadyChild
from IXGSLib.runs.job import Job
from IXGSLib.version import __version__

UNPREPARED = "import sys; from IXGSLib.cli import ready; ready.rehearse = {}; ready.IDLE_SECONDS = {}; "
WAIT = "sys.exit(ready.wait())"


def waiting(rehearse="print", idle=60):
    """A process that waits without the rehearsal, which takes seconds."""
    code = UNPREPARED.format(rehearse, idle) + WAIT
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def version_by(child, folder):
    """What a job says that asks for the version, given a process that waits."""
    events = []
    job = Job([*PROGRAM, "--version"], events.append, print, str(folder), child)
    while (ending := job.poll()) is None:
        time.sleep(0.05)
    assert ending.done
    return [event["message"] for event in events]


@pytest.mark.parametrize("rehearse", ["print", "lambda: 1 / 0"])
def test_it_runs_the_command_that_comes_whatever_became_of_the_rehearsal(rehearse):
    with waiting(rehearse) as process:
        assert process.poll() is None
        assert process.communicate('["--version"]\n')[0].split() == [__version__]
    assert process.returncode == 0


def test_the_input_after_the_command_is_left_to_the_command():
    code = UNPREPARED.format("print", 60) + "ready.main = lambda words: print(words, sys.stdin.readline()); " + WAIT
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, input='["estimate", "Ä"]\nnext\n', capture_output=True, text=True, encoding="utf-8")
    assert "['estimate', 'Ä'] next" in done.stdout


def test_it_ends_with_its_input():
    with waiting() as process:
        assert process.communicate("")[0].strip() == ""
    assert process.returncode == 0


def test_it_ends_when_no_command_comes():
    with waiting(idle=0.1) as process:
        assert process.wait(30) == 0


def test_the_rehearsal_estimates_bone(recwarn):
    ready.rehearse()
    assert not recwarn.list


def test_a_job_is_that_of_the_process_that_waited_for_it(tmp_path):
    child = ReadyChild(str(tmp_path))
    assert version_by(child, tmp_path) == [__version__]
    assert child.poll() == 0
    assert not list(tmp_path.iterdir())


def test_a_process_that_has_ended_is_replaced(tmp_path):
    child = ReadyChild(str(tmp_path))
    child.kill()
    child.process.wait()
    assert version_by(child, tmp_path) == [__version__]
    assert not list(tmp_path.iterdir())


def test_only_commands_of_ixgs_are_begun(tmp_path):
    child = ReadyChild(str(tmp_path))
    assert not child.begin(["-c", "print(1)"])
    child.close()
    assert child.process.wait(60) == 0
