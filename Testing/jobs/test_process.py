"""A job reports an error as its last event and ends with an exit code that is not zero."""

import json
import subprocess
import sys

import numpy as np

from IXGSLib.formats import load_case
from IXGSLib.formats.geometry_json import grid_from_json, view_from_json


def run_job(name, *words):
    """The exit code, the events and the standard error of a job."""
    arguments = [sys.executable, "-m", f"IXGSLib.jobs.{name}", *map(str, words)]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        # Standard input stays open while the job is running, because its end cancels the job.
        out, error = process.stdout.read(), process.stderr.read()
        code = process.wait()
    return code, [json.loads(line) for line in out.splitlines()], error


def test_an_error_in_the_input_is_the_last_event_without_a_traceback(tmp_path):
    code, events, error = run_job("read_case", tmp_path / "gone", "--out", tmp_path)
    assert code != 0
    assert events[-1]["event"] == "error"
    assert "gone" in events[-1]["message"]
    assert "Traceback" not in error


def test_reading_a_case_describes_all_of_its_views(case_folder, tmp_path):
    code, events, error = run_job("read_case", case_folder, "--out", tmp_path)
    assert (code, events) == (0, []), error
    case, content = load_case(case_folder), json.loads((tmp_path / "reading.json").read_text())
    assert content["name"] == case.name
    assert grid_from_json(content["grid"]).shape == case.grid.shape
    for entry, xray in zip(content["xrays"], case.xrays, strict=True):
        assert np.array_equal(view_from_json(entry["view"]).projection_matrix, xray.view.projection_matrix)
        assert (tmp_path / f"{entry['files']}.png").is_file()
