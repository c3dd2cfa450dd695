"""Processes of `ixgs`, as a user starts them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
posix = pytest.mark.skipif(os.name != "posix", reason="limits and signals are those of POSIX")


def start(*words, before=None, output=subprocess.PIPE, **environment):
    """A process of `ixgs`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-m", "IXGSLib", *map(str, words)]
    return subprocess.Popen(
        command, env=environment, stdout=output, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, preexec_fn=before
    )


def finished(process, seconds=300):
    """(exit code, standard output, standard error) of a process."""
    out, err = process.communicate(timeout=seconds)
    return process.returncode, (out or b"").decode(), err.decode()
