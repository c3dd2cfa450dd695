"""The modules of scene are imported when Slicer starts and must not import anything that takes long."""

import subprocess
import sys
from pathlib import Path

import IXGSLib.scene

MODULES = sorted(path.stem for path in Path(IXGSLib.scene.__file__).parent.glob("*.py") if path.stem != "__init__")
HEAVY = {"vtk", "vtkmodules", "slicer", "qt", "ctk", "torch", "numba", "SimpleITK", "skimage", "scipy", "pydicom"}


def test_no_module_of_scene_imports_more_than_numpy():
    imports = "".join(f"import IXGSLib.scene.{name}\n" for name in MODULES)
    code = f"{imports}import sys\nprint(*sorted(set(sys.modules) & {HEAVY!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "volumes" in MODULES
    assert done.stdout.split() == []


def test_the_bone_threshold_needs_only_packages_of_slicer():
    code = "import sys\nimport IXGSLib.volume.bone\nprint(*sorted(set(sys.modules) & {'skimage', 'torch', 'numba'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []
