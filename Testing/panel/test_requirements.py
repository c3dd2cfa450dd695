"""Missing packages are found by name and version, and installed by Slicer and the PyTorch extension on consent."""

import subprocess
import sys
import types

import pytest


@pytest.fixture
def requirements(app):
    from .harness.window import load_module

    load_module()
    from IXGSPanel import requirements

    return requirements


def installed(requirements, monkeypatch, *missing):
    """Pretend that everything but `missing` is installed; returns that set, which a test may change."""
    absent = set(missing)
    monkeypatch.setattr(requirements, "satisfied", lambda requirement: requirement.name not in absent)
    return absent


def test_packages_that_are_missing_or_too_old_are_named(requirements, monkeypatch):
    versions = {"torch": "2.5.1", "numba": "0.62.0"}

    def version(name):
        if name not in versions:
            raise requirements.importlib.metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(requirements.importlib.metadata, "version", version)
    missing = requirements.Requirements().missing()
    assert "torch" in missing
    assert "tifffile" in missing
    assert "numba" not in missing


def test_installing_does_not_change_the_packages_of_slicer(requirements, monkeypatch):
    import slicer

    absent, asked = installed(requirements, monkeypatch, "tyro"), []

    def pip_ensure(names, constraints, requester):
        asked.append((names, constraints.read_text(), requester))
        absent.clear()

    monkeypatch.setattr(slicer.packaging, "pip_ensure", pip_ensure)
    wanted = requirements.Requirements()
    assert wanted.missing() == ["tyro"]
    assert wanted.ensure() == ""
    assert wanted.missing() == []
    ((names, constraints, requester),) = asked
    assert "tyro>=0.9" in names
    assert not any(name.startswith("torch") for name in names)
    assert "numpy==" in constraints
    assert requester == "IXGS"


def test_declining_the_installation_is_a_reason(requirements, monkeypatch):
    installed(requirements, monkeypatch, "tyro")
    assert "declined" in requirements.Requirements().ensure()


def test_torch_is_installed_by_the_pytorch_extension(requirements, monkeypatch):
    import slicer

    absent = installed(requirements, monkeypatch, "torch")
    monkeypatch.setattr(slicer.packaging, "pip_ensure", lambda *_, **__: None)
    wanted = requirements.Requirements()
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    assert "Extensions Manager" in wanted.ensure()
    asked = []

    class PyTorchUtilsLogic:
        def installTorch(self, **options):
            asked.append(options)
            return answer()

    monkeypatch.setitem(sys.modules, "PyTorchUtils", types.SimpleNamespace(PyTorchUtilsLogic=PyTorchUtilsLogic))
    answer = lambda: None  # noqa: E731
    assert "not installed" in wanted.ensure()
    answer = lambda: absent.clear() or "torch"  # noqa: E731
    assert wanted.ensure() == ""
    assert asked[0] == {"askConfirmation": True, "torchVersionRequirement": ">=2.6"}


@pytest.mark.parametrize("error", [RuntimeError("no network"), subprocess.CalledProcessError(1, "ltt")])
def test_a_failed_installation_of_torch_is_a_reason(requirements, monkeypatch, error):
    installed(requirements, monkeypatch, "torch")

    class PyTorchUtilsLogic:
        def installTorch(self, **options):
            raise error

    monkeypatch.setitem(sys.modules, "PyTorchUtils", types.SimpleNamespace(PyTorchUtilsLogic=PyTorchUtilsLogic))
    assert str(error) in requirements.Requirements().ensure()
