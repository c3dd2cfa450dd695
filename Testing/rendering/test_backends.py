from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from IXGSLib.errors import SettingsError
from IXGSLib.rendering import cpu, project, reference, voxelize
from Testing.rendering.scenes import c_arm, oblique_grid, random_cloud


@pytest.fixture
def calls(monkeypatch):
    """The names of the implementations that render, in order."""
    made = []
    for backend, module in (("cpu", cpu), ("reference", reference)):
        for name in ("project", "voxelize"):
            genuine = getattr(module, name)

            def noted(*arguments, backend=backend, genuine=genuine):
                made.append(backend)
                return genuine(*arguments)

            monkeypatch.setattr(module, name, noted)
    return made


@pytest.mark.parametrize(("dtype", "expected"), [(torch.float32, "cpu"), (torch.float64, "reference")])
def test_auto_takes_the_kernels_only_for_float32(calls, dtype, expected):
    cloud = random_cloud(dtype=dtype)
    assert project(cloud, c_arm()).dtype == voxelize(cloud, oblique_grid()).dtype == dtype
    assert calls == [expected, expected]


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_the_backend_asked_for_is_taken(calls, backend):
    cloud = random_cloud()
    project(cloud, c_arm(), backend=backend)
    voxelize(cloud, oblique_grid(), backend)
    assert calls == [backend, backend]


def test_what_a_backend_cannot_render_is_refused():
    with pytest.raises(SettingsError, match=r"'cpu' cannot render a torch.float64 cloud on 'cpu'.*backend='auto'"):
        voxelize(random_cloud(dtype=torch.float64), oblique_grid(), "cpu")
    with pytest.raises(SettingsError, match="'cuda'"):
        project(random_cloud(), c_arm(), backend="cuda")


def test_a_second_derivative_is_refused_by_the_kernels():
    cloud = random_cloud()
    density = cloud.density.requires_grad_()
    image = project(replace(cloud, density=density), c_arm())
    (gradient,) = torch.autograd.grad((image**2).sum(), density, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
