"""The job standardize_view writes two pictures of one view and reports the warnings of standardisation."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from IXGSLib.formats import load_case
from IXGSLib.jobs.standardize_view import StandardizeViewArguments, standardize_view
from IXGSLib.messages import one_line
from IXGSLib.resources import shipped_weights
from IXGSLib.runs.events import JsonLines, Reporter
from IXGSLib.standardization import standardize


def events(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("method", ["classical", "pix2pix"])
def test_every_warning_of_standardisation_is_reported(case_folder, tmp_path, capsys, method):
    if method == "pix2pix" and shipped_weights() is None:
        pytest.skip("needs the weights that come with IXGS")
    case = load_case(case_folder)
    view = case.views[1].id
    arguments = StandardizeViewArguments.parse(
        [str(case_folder), "--out", str(tmp_path), "--view", view, "--method", method]
    )
    standardize_view(arguments, Reporter(JsonLines()))
    one_view = replace(case, xrays=case.xrays[1:2])
    expected = [one_line(each) for each in standardize(one_view, arguments.settings).warnings]
    told = [event for event in events(capsys) if event["event"] in ("warning", "note")]
    reported = [event["message"] for event in told]
    assert any("synthetic" in event["message"] for event in told if event["event"] == "note")
    assert method != "pix2pix" or any(view in message for message in reported)  # the network knows no such X-ray
    assert reported == [each for each in expected if each not in map(one_line, case.warnings)]


def test_both_pictures_show_the_chosen_view(case_folder, tmp_path):
    arguments = StandardizeViewArguments.parse(
        [str(case_folder), "--out", str(tmp_path), "--view", "001", "--method", "classical"]
    )
    standardize_view(arguments, Reporter(JsonLines()))
    width, height = load_case(case_folder).views[1].size
    before, after = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in ("before", "after"))
    assert before.shape == after.shape == (height, width)
    assert not np.array_equal(before, after)


def test_line_integrals_are_left_as_they_are_by_auto(case_folder, tmp_path, capsys):
    arguments = StandardizeViewArguments.parse([str(case_folder), "--out", str(tmp_path), "--view", "001"])
    standardize_view(arguments, Reporter(JsonLines()))
    assert events(capsys) == []
    before, after = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in ("before", "after"))
    assert np.array_equal(before, after)
