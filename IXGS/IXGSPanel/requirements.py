"""The Python packages that IXGS needs in Slicer: which of them are missing, and how they are installed."""

from __future__ import annotations

import contextlib
import importlib.metadata
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement
from slicer.i18n import tr as _

FILE = Path(__file__).resolve().parents[1] / "Resources" / "requirements.txt"
TORCH = Requirement("torch>=2.6")
TORCH_TO_INSTALL = Requirement("torch>=2.6,<2.13" if sys.platform == "win32" else "torch>=2.6")
"""What is installed where torch is missing: 2.13 does not install in Slicer for Windows."""
BUNDLED = ("numpy", "scipy", "vtk", "SimpleITK", "requests")
"""Packages that Slicer brings along; pip must not change them."""


class Requirements:
    """The packages that a reconstruction needs."""

    def __init__(self) -> None:
        self._missing: list[str] | None = None

    def missing(self) -> list[str]:
        """Names of the packages that are missing or too old; looked up once, and again after each installation."""
        if self._missing is None:
            needed = (TORCH, *listed_requirements())
            self._missing = [requirement.name for requirement in needed if not satisfied(requirement)]
        return self._missing

    def ensure(self) -> str:
        """Install the missing packages once the user agrees; returns why they are still missing, or nothing."""
        import slicer.packaging

        self._missing = None
        if not satisfied(TORCH):
            problem = install_torch()
            if problem:
                return problem
        try:
            with tempfile.TemporaryDirectory(dir=slicer.app.temporaryPath) as folder:
                constraints = Path(folder) / "constraints.txt"
                constraints.write_text("".join(f"{name}=={version}\n" for name, version in bundled_versions()))
                wanted = [str(requirement) for requirement in listed_requirements()]
                slicer.packaging.pip_ensure(wanted, constraints=constraints, requester="IXGS")
        except RuntimeError as declined:
            return str(declined)
        except (OSError, subprocess.CalledProcessError) as error:
            return _("The Python packages could not be installed: {error}").format(error=error)
        missing = self.missing()
        return _("These packages are still missing: {names}.").format(names=", ".join(missing)) if missing else ""


def listed_requirements() -> list[Requirement]:
    """The requirements in Resources/requirements.txt."""
    lines = (line.strip() for line in FILE.read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def satisfied(requirement: Requirement) -> bool:
    """Whether a package is installed in a suitable version."""
    try:
        return requirement.specifier.contains(importlib.metadata.version(requirement.name), prereleases=True)
    except importlib.metadata.PackageNotFoundError:
        return False


def bundled_versions() -> list[tuple[str, str]]:
    """(name, version) of each package of BUNDLED that is installed."""
    found = []
    for name in BUNDLED:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append((name, importlib.metadata.version(name)))
    return found


def install_torch() -> str:
    """Install torch with the PyTorch extension, which asks first; returns why it is still missing, or nothing."""
    try:
        import PyTorchUtils
    except ImportError:
        return _("IXGS needs the PyTorch extension: install it in the Extensions Manager and restart Slicer.")
    logic, wanted = PyTorchUtils.PyTorchUtilsLogic(), str(TORCH_TO_INSTALL.specifier)
    try:
        torch = logic.installTorch(askConfirmation=True, torchVersionRequirement=wanted)
    except (ImportError, OSError, RuntimeError, subprocess.CalledProcessError) as error:
        return _("PyTorch could not be installed: {error}").format(error=error)
    return "" if torch is not None else _("PyTorch was not installed; IXGS cannot reconstruct without it.")
