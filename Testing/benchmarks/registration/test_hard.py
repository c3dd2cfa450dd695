"""Hard trials are hard in the way that their names say."""

from __future__ import annotations

import numpy as np
import pytest

from IXGSLib.geometry import Grid
from IXGSLib.geometry.coverage import convergence
from Testing.benchmarks.registration import hard
from Testing.benchmarks.registration.cases import VIEWS, all_views
from Testing.benchmarks.registration.patients import Patient
from Testing.registration import phantom

CENTER = np.zeros(3)


@pytest.fixture(scope="module")
def own():
    values, labels = phantom.ct()
    names = dict(zip(phantom.LABELS, phantom.NAMES, strict=True))
    return Patient(values, labels, phantom.GRID, names, tuple(phantom.NAMES))


@pytest.fixture(scope="module")
def case():
    views = all_views(CENTER)
    images = np.random.default_rng(0).normal(1, 0.3, (VIEWS, *views[0].size[::-1])).astype(np.float32)
    xrays = tuple(
        phantom.XRay(view, image, np.ones(image.shape, bool)) for view, image in zip(views, images, strict=True)
    )
    return phantom.Case(xrays, Grid.centered(CENTER, (100, 100, 100), 2.0), "noise")


def made(task, case, own, number=1):
    return hard.made((task, number), case, own, np.eye(4))


@pytest.mark.parametrize("task", [task for task in hard.TASKS if task != "two vertebrae labelled"])
def test_each_has_its_number_of_views(task, case, own):
    trial = made(task, case, own)
    assert len(trial.case.xrays) == hard.TASKS[task]
    assert trial.vertebrae == own.registered


def test_two_vertebrae_are_neighbours_and_the_only_ones_labelled(case, own):
    trial = made("two vertebrae labelled", case, own)
    assert trial.vertebrae == ("L2", "L3")
    assert [trial.anatomy.spine.bones[n].name for n in trial.anatomy.spine.vertebrae] == ["L2", "L3"]


@pytest.mark.parametrize("number", range(4))
def test_views_that_are_near_each_other(case, own, number):
    axes = [xray.view.axis for xray in made("views 20 to 30 degrees apart", case, own, number).case.xrays]
    assert 20 < np.rad2deg(np.arccos(axes[0] @ axes[1])) < 30


def test_a_third_is_left(case, own):
    mask = made("a third of each image", case, own).case.xrays[0].mask
    assert mask.mean() == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize("task", hard.POSE_ERRORS)
def test_poses_are_off_by_no_more_than_stated(case, own, task):
    turn, shift = hard.POSE_ERRORS[task]
    center = convergence([xray.view for xray in case.xrays[:4]])
    for xray, before in zip(made(task, case, own).case.xrays, case.xrays, strict=False):
        between = xray.view.camera_from_world @ np.linalg.inv(before.view.camera_from_world)
        angle = np.rad2deg(np.arccos(np.clip((np.trace(between[:3, :3]) - 1) / 2, -1, 1)))
        seen = [view.camera_from_world @ [*center, 1] for view in (xray.view, before.view)]
        assert 0 < angle <= turn + 1e-6
        assert 0 < np.linalg.norm(seen[0] - seen[1]) <= shift + 1e-6
