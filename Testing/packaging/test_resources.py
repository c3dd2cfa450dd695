"""The sample case is found wherever IXGS is: in the source tree, in a wheel, in an extension (test_extension.py)."""

import shutil
import subprocess
import sys
import zipfile

import pytest

from IXGSLib import resources
from IXGSLib.errors import IXGSError
from Testing.packaging.conftest import ROOT

BUILT_FROM = ("IXGSLib", "Resources", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built from a copy of the source tree."""
    source, out = (tmp_path_factory.mktemp(name) for name in ("source", "wheel"))
    for name in BUILT_FROM:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*command, "--wheel-dir", out, source], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (path,) = out.glob("*.whl")
    return path


def test_the_source_tree(found):
    package, sample, views = found(ROOT)
    assert (package, sample) == (ROOT / "IXGSLib", ROOT / "Resources" / "SampleCase")
    assert views == 25


def test_a_wheel(wheel, found, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    package, sample, views = found(tmp_path)
    assert package == tmp_path / "IXGSLib"
    assert sample == tmp_path / "IXGSLib" / "Resources" / "SampleCase"
    assert views == 25


def test_a_wheel_holds_every_module_and_no_pictures_of_the_readme(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / "IXGSLib").rglob("*.py")}
    assert there <= set(names)
    assert "IXGSLib/simulation/beam.csv" in names
    assert not [name for name in names if "Screenshots" in name]
    assert {name.split("/")[0] for name in names} == {"IXGSLib", wheel.name.split("-py3")[0] + ".dist-info"}


def test_a_missing_resource_is_named_with_the_folders_that_were_searched():
    with pytest.raises(IXGSError, match="nothing: not found") as error:
        resources.resource("nothing")
    assert all(str(place) in str(error.value) for place in resources.FOLDERS)
