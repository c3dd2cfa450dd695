"""What a map of confidence says in numbers and words, and its section of the report."""

from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.evaluation.confidence import Confidence
from IXGSLib.evaluation.confidence.summary import summary_of
from IXGSLib.evaluation.report import Report, report_html
from Testing.evaluation.confidence.conftest import GRID


@pytest.fixture
def confidence(ball):
    sure = np.full(GRID.shape, 0.9, np.float32)
    return Confidence(ball, sure, np.full(GRID.shape, 0.001, np.float32), 0.0115, "clean")


def doubtful(confidence, where):
    return replace(confidence, probability=np.where(where, np.float32(0.6), confidence.probability))


def test_a_sure_surface_has_no_doubtful_place(confidence):
    found = summary_of(confidence)
    assert found.surface == 0
    assert found.places == ()
    assert found.sentence == "0% of the bone surface lies where the mean confidence is below 75%."
    assert found.error == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("axis", "sign", "name"),
    [
        (0, 1, "left"),
        (0, -1, "right"),
        (1, 1, "back"),
        (1, -1, "front"),
        (2, 1, "cranial end"),
        (2, -1, "caudal end"),
    ],
)
def test_the_doubtful_end_is_named(confidence, axis, sign, name):
    offset = (GRID.points() - GRID.center)[..., axis] * sign
    found = summary_of(doubtful(confidence, offset > 5))
    assert 0.1 < found.surface < 0.5
    assert found.places[0] == name
    assert f"most of all at the {name}" in found.sentence


def test_doubt_everywhere_names_no_place(confidence):
    found = summary_of(doubtful(confidence, True))
    assert found.surface == 1
    assert found.places == ()


def test_without_bone_there_is_no_share(confidence):
    found = summary_of(replace(confidence, threshold=0.05))
    assert found.surface is None
    assert found.error is None
    assert "no bone" in found.sentence
    assert found.as_dict()["sentence"] == found.sentence


def test_the_report_shows_the_map_with_its_legend_and_sentence(confidence, case, renders, ball):
    page = report_html(Report("Ball", ball, case.xrays, renders, confidence=confidence))
    assert "Where can this volume be relied on?" in page
    assert summary_of(confidence).sentence in page
    assert "a guess, or not seen" in page
    assert "simulated X-rays of bone alone" in page
    assert "too sure" not in page
    foreign = report_html(Report("Ball", ball, case.xrays, renders, confidence=replace(confidence, foreign=True)))
    assert "too sure" in foreign
    assert "Where can this volume be relied on?" not in report_html(Report("Ball", ball, case.xrays, renders))
