import subprocess
import sys

import numpy as np
import pytest

from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm
from IXGSLib.volume import Volume
from IXGSLib.xray import XRay

NO_SLICER = "needs slicer-core, which has wheels for Linux x86_64, macOS arm64 and Windows"
NO_EGL = "needs EGL to draw offscreen; Debian: apt install libegl1 libegl-mesa0 libgl1-mesa-dri"
PROBE = """
import vtk
window = vtk.vtkEGLRenderWindow()
window.SetSize(8, 8)
window.AddRenderer(vtk.vtkRenderer())
window.Render()
assert "OpenGL version" in window.ReportCapabilities()
"""


@pytest.fixture(scope="session")
def slicer():
    return pytest.importorskip("slicer", reason=NO_SLICER, exc_type=ImportError)


@pytest.fixture
def scene(slicer):
    from IXGSLib.scene import open_scene

    return open_scene()


@pytest.fixture(scope="session")
def egl(slicer):
    """Skips if nothing can be drawn; a process of its own finds out, because some drivers abort theirs."""
    if not hasattr(pytest.importorskip("vtk"), "vtkEGLRenderWindow"):
        pytest.skip(NO_EGL)
    if subprocess.run([sys.executable, "-c", PROBE], capture_output=True, timeout=60).returncode:
        pytest.skip(NO_EGL)


@pytest.fixture(scope="session")
def rotation():
    """An oblique direction, its third axis toward the head."""
    Q, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    Q = Q * np.sign(np.linalg.det(Q))
    return Q if Q[2, 2] > 0 else Q @ np.diag([1.0, -1.0, -1.0])


@pytest.fixture(params=["upright", "oblique"])
def volume(request, rotation):
    """A bright sphere off the centre of an anisotropic grid."""
    direction = np.eye(3) if request.param == "upright" else rotation
    grid = Grid((20, 24, 28), (1.1, 0.9, 1.3), (12.0, -250.0, 1300.0), direction)
    distance = np.linalg.norm(grid.points() - (grid.center + direction @ (4, -2, 3)), axis=-1)
    return Volume(np.clip(0.03 * (8 - distance), 0, 0.05), grid)


@pytest.fixture(scope="session")
def xrays():
    """Three noisy X-rays of one point, one of them with masked pixels."""
    generator = np.random.default_rng(5)
    arm = CArm(detector_pixels=(40, 30), detector_size=120)
    views = [arm.view(orbital, 5, (10, 20, 1300), name) for orbital, name in ((0, "ap"), (45, "oblique"), (90, "lat"))]
    images = [generator.random((30, 40), dtype=np.float32) for _ in views]
    masks = [np.ones((30, 40), dtype=bool) for _ in views]
    masks[1] = generator.random((30, 40)) > 0.2
    return tuple(XRay(v, np.where(m, i, 0), m) for v, i, m in zip(views, images, masks, strict=True))
