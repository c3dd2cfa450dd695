"""Packages are looked for by name and version, and installed by Slicer and the extension PyTorch after asking."""

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
    """As if everything but `missing` were installed; the set may be changed."""
    absent = set(missing)
    monkeypatch.setattr(requirements, "satisfied", lambda need: need.name not in absent)
    return absent


def test_what_is_missing_or_too_old_is_named(requirements, monkeypatch):
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


def test_slicer_installs_and_keeps_its_own_packages(requirements, monkeypatch):
    import slicer

    absent, asked = installed(requirements, monkeypatch, "tyro"), []

    def pip_ensure(names, constraints, requester):
        asked.append((names, constraints.read_text(), requester))
        absent.clear()

    monkeypatch.setattr(slicer.packaging, "pip_ensure", pip_ensure)
    needs = requirements.Requirements()
    assert needs.missing() == ["tyro"]
    assert needs.ensure() == ""
    assert needs.missing() == []
    ((names, constraints, requester),) = asked
    assert "tyro>=0.9" in names
    assert not any(name.startswith("torch") for name in names)
    assert "numpy==" in constraints
    assert requester == "IXGS"


def test_a_no_is_a_reason(requirements, monkeypatch):
    installed(requirements, monkeypatch, "tyro")
    assert "declined" in requirements.Requirements().ensure()


def test_torch_comes_from_its_extension(requirements, monkeypatch):
    import slicer

    absent = installed(requirements, monkeypatch, "torch")
    monkeypatch.setattr(slicer.packaging, "pip_ensure", lambda *_, **__: None)
    needs = requirements.Requirements()
    monkeypatch.setitem(sys.modules, "PyTorchUtils", None)
    assert "Extensions Manager" in needs.ensure()
    asked = []

    class PyTorchUtilsLogic:
        def installTorch(self, **options):
            asked.append(options)
            return answer()

    monkeypatch.setitem(sys.modules, "PyTorchUtils", types.SimpleNamespace(PyTorchUtilsLogic=PyTorchUtilsLogic))
    answer = lambda: None  # noqa: E731
    assert "not installed" in needs.ensure()
    answer = lambda: absent.clear() or "torch"  # noqa: E731
    assert needs.ensure() == ""
    assert asked[0] == {"askConfirmation": True, "torchVersionRequirement": ">=2.6"}


@pytest.mark.parametrize("error", [RuntimeError("no network"), subprocess.CalledProcessError(1, "ltt")])
def test_an_installation_of_torch_that_fails_is_a_reason(requirements, monkeypatch, error):
    installed(requirements, monkeypatch, "torch")

    class PyTorchUtilsLogic:
        def installTorch(self, **options):
            raise error

    monkeypatch.setitem(sys.modules, "PyTorchUtils", types.SimpleNamespace(PyTorchUtilsLogic=PyTorchUtilsLogic))
    assert str(error) in requirements.Requirements().ensure()
