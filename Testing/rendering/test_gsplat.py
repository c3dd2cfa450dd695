"""gsplat's conventions, by its own projection in plain torch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("triton")
pytest.importorskip("gsplat")
from gsplat.cuda._torch_impl import _fully_fused_projection, _quat_scale_to_covar_preci

from IXGSLib.rendering.cuda import ellipses, with_gsplat
from IXGSLib.rendering.reference import MIN_DEPTH, PIXEL_VARIANCE
from Testing.rendering.scenes import c_arm, leaves, random_cloud, random_rotation


@pytest.mark.parametrize("turn", [np.eye(3), random_rotation(2)])
@pytest.mark.parametrize("shift", [0.0, 12.0])
def test_gsplat_projects_like_the_reference(turn, shift):
    view = c_arm((40, 30), R=turn, pitch=3.0)
    view = replace(view, K=view.K + np.array([[0, 0, -shift], [0, 0, shift / 4], [0, 0, 0]]))
    pose = torch.tensor(view.camera_from_world)[:3]
    cloud = random_cloud(30, dtype=torch.float64)

    def ours(cloud, pose):
        return ellipses.footprints(cloud, view, pose)

    def theirs(cloud, pose):
        matrix, K, width, height = with_gsplat.camera(cloud, view, pose)
        covariance, _ = _quat_scale_to_covar_preci(cloud.rotation, cloud.scale, True, False)
        radii, mean, depth, conic, _ = _fully_fused_projection(
            cloud.position, covariance, matrix[None], K[None], width, height, PIXEL_VARIANCE, MIN_DEPTH
        )
        return with_gsplat.footprints(cloud, view, pose, (radii[0], mean[0], depth[0], conic[0]))

    results = []
    for footprints in (ours, theirs):
        mine, own = leaves(cloud, torch.float64), pose.clone().requires_grad_()
        rows, radius = footprints(mine, own)
        shown = radius[:, 0] >= 0
        weights = torch.rand(rows.shape, generator=torch.Generator().manual_seed(0))
        inputs = [mine.position, mine.scale, mine.rotation, mine.density, own]
        # What only one of the two leaves out lies beside the image.
        part = ellipses.footprints(mine, view, own)[1][:, 0] >= 0
        gradients = torch.autograd.grad((rows * weights)[part].sum(), inputs)
        assert shown[part].all()
        results.append([rows.detach()[part], radius[part], *gradients])
    assert len(results[0][0]) > 5
    for found, expected in zip(results[1], results[0], strict=True):
        assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()
