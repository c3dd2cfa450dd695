"""The Python packages that IXGS needs in Slicer: which are missing, and installing them after asking."""

from __future__ import annotations

import contextlib
import importlib.metadata
import subprocess
import tempfile
from pathlib import Path

from packaging.requirements import Requirement
from slicer.i18n import tr as _

FILE = Path(__file__).resolve().parents[1] / "Resources" / "requirements.txt"
TORCH = Requirement("torch>=2.6")
KEPT = ("numpy", "scipy", "vtk", "SimpleITK", "requests")
"""Packages of Slicer itself, which pip must leave as they are."""


class Requirements:
    """What is needed for a reconstruction."""

    def __init__(self) -> None:
        self._missing: list[str] | None = None

    def missing(self) -> list[str]:
        """The packages that are not there or too old, by name; looked up once and after each installation."""
        if self._missing is None:
            self._missing = [need.name for need in (TORCH, *listed()) if not satisfied(need)]
        return self._missing

    def ensure(self) -> str:
        """Install what is missing after asking; returns why a reconstruction is not possible yet, or nothing."""
        import slicer.packaging

        self._missing = None
        if not satisfied(TORCH):
            problem = install_torch()
            if problem:
                return problem
        try:
            with tempfile.TemporaryDirectory(dir=slicer.app.temporaryPath) as folder:
                constraints = Path(folder) / "constraints.txt"
                constraints.write_text("".join(f"{name}=={version}\n" for name, version in kept()))
                slicer.packaging.pip_ensure([str(need) for need in listed()], constraints=constraints, requester="IXGS")
        except RuntimeError as declined:
            return str(declined)
        except (OSError, subprocess.CalledProcessError) as error:
            return _("The Python packages could not be installed: {error}").format(error=error)
        missing = self.missing()
        return _("Still missing: {names}.").format(names=", ".join(missing)) if missing else ""


def listed() -> list[Requirement]:
    """The requirements of the file."""
    lines = (line.strip() for line in FILE.read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def satisfied(need: Requirement) -> bool:
    """Whether a package is installed in a version that will do."""
    try:
        return need.specifier.contains(importlib.metadata.version(need.name), prereleases=True)
    except importlib.metadata.PackageNotFoundError:
        return False


def kept() -> list[tuple[str, str]]:
    """(name, version) of the packages of KEPT that are there."""
    found = []
    for name in KEPT:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append((name, importlib.metadata.version(name)))
    return found


def install_torch() -> str:
    """Install torch by the extension PyTorch, which asks first; returns why it is not there, or nothing."""
    try:
        import PyTorchUtils
    except ImportError:
        return _("IXGS needs the extension PyTorch: install it in the Extensions Manager and restart Slicer.")
    logic, wanted = PyTorchUtils.PyTorchUtilsLogic(), str(TORCH.specifier)
    try:
        torch = logic.installTorch(askConfirmation=True, torchVersionRequirement=wanted)
    except (ImportError, OSError, RuntimeError, subprocess.CalledProcessError) as error:
        return _("PyTorch could not be installed: {error}").format(error=error)
    return "" if torch is not None else _("PyTorch was not installed, so IXGS cannot reconstruct yet.")
