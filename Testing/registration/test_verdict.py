"""Which poses are trusted: the edges of all vertebrae together, and those of each."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from IXGSLib.geometry.rigid import rigid
from IXGSLib.registration import RegistrationSettings
from IXGSLib.registration.alternatives import compared
from IXGSLib.registration.bones import Bone, Spine
from IXGSLib.registration.verdict import Evidence, doubts, doubts_of_all

SETTINGS = RegistrationSettings()
NAN = float("nan")


@pytest.mark.parametrize("edges", [[0.9], [0.7, 0.8, 1.1, 1.9, 1.9], [1.4, 1.4, 6.0], [1.0, 1.9], [0.5, 0.5, NAN], []])
def test_single_vertebrae_may_be_hidden(edges):
    assert doubts_of_all(edges, SETTINGS) == ()


@pytest.mark.parametrize("edges", [[1.6], [0.4, 1.7, 1.8], [1.0, 1.0, 2.1, 2.2], [0.5, NAN, NAN], [NAN]])
def test_no_vertebra_is_trusted_where_most_do_not_fit(edges):
    assert "another patient" in doubts_of_all(edges, SETTINGS)[0]


@pytest.mark.parametrize(("edges", "trusted"), [(1.7, True), (1.8, False), (NAN, False)])
def test_a_vertebra_whose_own_edges_do_not_fit(edges, trusted):
    found = doubts(Evidence(0.3, edges, 0.2, 0.6, 60.0, 0.3, "one level higher"), SETTINGS)
    assert (found == ()) is trusted


def test_torch_is_not_imported():
    code = "import sys\nimport IXGSLib.cli.register, IXGSLib.registration.registration, IXGSLib.registration.saving\n"
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["False"]


@pytest.mark.parametrize(("angle", "trusted"), [(36.0, True), (34.0, False), (0.0, False)])
def test_depth_is_not_trusted_where_views_are_near_each_other(angle, trusted):
    found = doubts(Evidence(0.3, 0.5, 0.2, 0.6, angle, 0.3, "one level higher"), SETTINGS)
    assert (found == ()) is trusted
    assert trusted or "fewer than two views 35° apart" in found[0]


class Placed:
    """A spine of five vertebrae and its loss, as far as alternatives are compared."""

    def __init__(self, loss, shifts):
        bones = tuple(Bone(f"L{n}", np.zeros(3), np.eye(3), {}) for n in range(1, 6))
        self.spine, self.loss = Spine(bones, tuple(range(5)), {}), loss
        self.poses = [rigid(np.eye(3), (0, 0, shift)) for shift in shifts]

    def agreement(self):
        return np.array([self.loss])


def margin(*rivals):
    settings = RegistrationSettings(check_levels=False, check_mirrored=False)
    return compared(Placed(0.5, [0] * 5), rivals, settings)


class TestMargin:
    def test_another_place_counts(self):
        assert margin(Placed(0.55, [30] * 5)).margin == pytest.approx(0.1)

    def test_the_same_place_with_one_end_astray_does_not(self):
        choice = margin(Placed(0.51, [30, 20, 1, 0, 0]), Placed(0.6, [30] * 5))
        assert (choice.margin, choice.alternative) == (pytest.approx(0.2), "another place")

    def test_the_better_of_two_at_the_same_place_is_taken(self):
        better = Placed(0.45, [1] * 5)
        choice = margin(better)
        assert choice.articulation is better
        assert np.isnan(choice.margin)

    def test_a_better_place_leaves_the_first_one_as_the_alternative(self):
        assert margin(Placed(0.4, [30] * 5)).margin == pytest.approx(0.25)
