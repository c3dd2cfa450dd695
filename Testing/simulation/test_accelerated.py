"""Radiographs in torch beside those of the compiled chain."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from IXGSLib.geometry.trajectory import CArm
from IXGSLib.simulation import ImagingSettings, accelerated, realistic
from IXGSLib.simulation.accelerated import DeviceBody
from IXGSLib.simulation.body import Body, body
from IXGSLib.simulation.drawing import draw_settings
from IXGSLib.simulation.lesions import Ellipsoid, changes
from IXGSLib.simulation.realistic import Subject
from Testing.simulation.phantom import CENTER, GRID, hounsfield

CPU = torch.device("cpu")
ARM = CArm(600.0, 1000.0, (48, 40), 120.0)
QUIET = {"quanta": None, "implants": ("screws", "balls"), "bits": 16}


def smooth_body() -> Body:
    """A body whose attenuation changes over many voxels, so that it matters little where rays are sampled."""
    values = np.zeros((*GRID.shape, 4), np.float32)
    offset = (GRID.points() - GRID.center) / (22, 20, 24)
    blob = np.exp(-0.5 * (offset**2).sum(axis=-1)).astype(np.float32)
    values[..., 0], values[..., 1], values[..., 3] = 0.03 * blob, 0.02 * blob**3, 0.03 * blob**4
    return Body(values, GRID, float(GRID.corners()[:, 1].max()), (0.95, 1.3))


def angles():
    return [
        ARM.view(orbital, angular, GRID.center, "0") for orbital, angular in ((0, 0), (37, -12), (90, 5), (200, 25))
    ]


@pytest.mark.parametrize("view", angles())
def test_line_integrals_are_those_of_the_compiled_projector(view):
    person = smooth_body()
    lines, target = person.line_integrals(view)
    found = DeviceBody.of(person, CPU).line_integrals(view).numpy()
    for one, other in ((found[:3], lines), (found[3], target)):
        assert np.abs(one - other).max() < 0.02 * target.max()
    assert target.max() > 0.5


def test_a_ray_that_misses_the_body_has_no_attenuation():
    far = ARM.view(0, 0, GRID.center + (0, 0, 900.0), "0")
    assert not DeviceBody.of(smooth_body(), CPU).line_integrals(far).any()


@pytest.mark.parametrize("seed", range(6))
def test_without_noise_a_radiograph_is_that_of_the_compiled_chain(seed):
    generator = np.random.default_rng(seed)
    settings = replace(draw_settings(generator, ImagingSettings()), **QUIET)
    person, view = smooth_body(), angles()[seed % 4]
    subject = Subject(person, GRID.center)
    wanted = realistic.radiograph(subject, view, settings)
    found = accelerated.radiograph(DeviceBody.of(person, CPU), subject, view, settings)
    assert (found.field.numpy() == wanted.field).all()
    assert (found.patient.numpy() == wanted.patient).mean() > 0.99
    np.testing.assert_allclose(found.signal.numpy(), wanted.signal, atol=0.02 * wanted.signal.max())
    np.testing.assert_allclose(found.target.numpy(), wanted.target, atol=0.02 * wanted.target.max())
    grey = wanted.picture / 65535
    assert np.abs(found.grey.numpy() - grey).mean() < 0.01
    assert np.ptp(grey) > 0.3


def test_noise_is_as_strong_as_in_the_compiled_chain_and_follows_the_seed():
    settings = ImagingSettings(quanta=300.0, electronic_noise=3.0, field="open", table=0)
    person, view = smooth_body(), ARM.view(0, 0, GRID.center, "0")
    subject, known = Subject(person, GRID.center), DeviceBody.of(person, CPU)
    still = accelerated.radiograph(known, subject, view, replace(settings, quanta=None)).signal.numpy()
    noise = [
        np.concatenate([(take(seed) / still - 1).ravel() for seed in range(4)])
        for take in (
            lambda seed: realistic.radiograph(subject, view, replace(settings, seed=seed)).signal,
            lambda seed: accelerated.radiograph(known, subject, view, replace(settings, seed=seed)).signal.numpy(),
        )
    ]
    assert noise[1].std() == pytest.approx(noise[0].std(), rel=0.1)
    again = [accelerated.radiograph(known, subject, view, replace(settings, seed=s)).signal for s in (1, 1, 2)]
    assert torch.equal(again[0], again[1])
    assert not torch.equal(again[0], again[2])


def test_lesions_change_a_radiograph_as_in_the_compiled_chain():
    person = body(hounsfield(), GRID, 200, 30, spacing=0)
    added = changes(person, [Ellipsoid(np.add(CENTER, (3, -2, 1)), np.full(3, 6.0))])
    view, settings = angles()[1], ImagingSettings(quanta=None)
    whole, ill = Subject(person, CENTER), Subject(person, CENTER, changes=added)
    wanted = realistic.radiograph(whole, view, settings).target - realistic.radiograph(ill, view, settings).target
    known = DeviceBody.of(person, CPU)
    targets = [
        accelerated.radiograph(known, whole, view, settings, lost).target.numpy()
        for lost in (None, DeviceBody.of(added, CPU))
    ]
    assert wanted.max() > 0.1
    assert (targets[0] - targets[1]).sum() == pytest.approx(wanted.sum(), rel=0.1)
    assert np.corrcoef((targets[0] - targets[1]).ravel(), wanted.ravel())[0, 1] > 0.97
