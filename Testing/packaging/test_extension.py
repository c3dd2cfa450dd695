"""The extension of 3D Slicer holds every file, says the same everywhere, and works where Slicer installs it."""

import json
import re
import shutil
import tarfile
import zipfile

import pytest
from PIL import Image

from Testing.packaging.conftest import ROOT

PLATFORMS = (("linux", "amd64"), ("macosx", "arm64"), ("win", "amd64"))
REVISION = "12345"
CATALOGUE_KEYS = {
    *("$schema", "category", "scm_url", "scm_revision", "scm_type", "build_dependencies", "dicom_support_rule"),
    *("build_subdirectory", "enabled", "tier"),
}
"""What version 1.0.2 of the catalogue's schema allows; the first three are required."""


@pytest.mark.parametrize("module", ["IXGS", "IXGSLib"])
def test_every_file_is_listed_and_every_listed_file_exists(extension, module):
    assert extension.listed(module) == extension.present(module), "run `make lists`"


def test_the_lists_are_written_from_what_is_there(extension, tmp_path):
    for module in ("IXGS", "IXGSLib"):
        shutil.copytree(ROOT / module, tmp_path / module, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "IXGSLib" / "geometry" / "new.py").touch()
    (tmp_path / "IXGSLib" / "simulation" / "beam.csv").unlink()
    assert extension.listed("IXGSLib", tmp_path) != extension.present("IXGSLib", tmp_path)
    extension.write_lists(tmp_path)
    scripts, resources = extension.listed("IXGSLib", tmp_path)
    assert (scripts, resources) == extension.present("IXGSLib", tmp_path)
    assert "geometry/new.py" in scripts
    assert "simulation/beam.csv" not in resources


def test_the_descriptions_are_those_of_the_cmake_file(extension):
    values = extension.metadata()
    assert (ROOT / "IXGS.s4ext").read_text(encoding="utf-8") == extension.description(values), "run `make catalogue`"
    assert (ROOT / "IXGS.json").read_text(encoding="utf-8") == extension.catalogue_entry(values), "run `make catalogue`"


def test_the_catalogue_takes_the_entry():
    entry = json.loads((ROOT / "IXGS.json").read_text(encoding="utf-8"))
    assert {"$schema", "category", "scm_url"} <= entry.keys() <= CATALOGUE_KEYS
    assert entry["build_dependencies"] == ["PyTorch"]
    assert 1 <= entry["tier"] <= 5


def test_an_address_is_stated_once_and_used_everywhere(extension, tmp_path):
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert text.count("://") <= 1, "the address belongs into IXGS_REPOSITORY alone"
    address = "https://example.org/SlicerIXGS"
    filled = re.sub(r'set\(IXGS_REPOSITORY "[^"]*"\)', f'set(IXGS_REPOSITORY "{address}")', text)
    (tmp_path / "CMakeLists.txt").write_text(filled, encoding="utf-8")
    extension.describe(tmp_path)
    fields = dict(line.split(" ", 1) for line in (tmp_path / "IXGS.s4ext").read_text().splitlines()[1:])
    assert fields["scmurl"] == json.loads((tmp_path / "IXGS.json").read_text())["scm_url"] == f"{address}.git"
    assert fields["homepage"] == address
    pictures = [fields["iconurl"], *fields["screenshoturls"].split()]
    for picture in pictures:
        assert picture.startswith(f"{address}/raw/main/")
        assert (ROOT / picture.removeprefix(f"{address}/raw/main/")).is_file()


def test_the_icon_has_the_size_that_the_catalogue_shows():
    with Image.open(ROOT / "IXGS" / "Resources" / "Icons" / "IXGS.png") as icon:
        assert icon.size == (128, 128)


def installed(archive, system, folder):
    """Unpack an archive as Slicer's Extensions Manager does; returns the folder of the extension."""
    with zipfile.ZipFile(archive) if system == "win" else tarfile.open(archive) as file:
        file.extractall(folder)
    (top,) = folder.iterdir()
    assert top.name == archive.name.removesuffix(".zip").removesuffix(".tar.gz")
    return top / "Slicer.app" / "Contents" / f"Extensions-{REVISION}" / "IXGS" if system == "macosx" else top


@pytest.mark.parametrize(("system", "machine"), PLATFORMS)
def test_the_archive_works_once_unpacked_by_slicer(extension, found, tmp_path, system, machine):
    archive = extension.archive(tmp_path / "dist", "5.12", system, machine, REVISION)
    assert archive.name.startswith(f"{REVISION}-{system}-{machine}-IXGS-git")
    home = installed(archive, system, tmp_path / "extension")
    assert (home / "share" / "Slicer-5.12" / "IXGS.s4ext").read_text() == (ROOT / "IXGS.s4ext").read_text()
    modules = home / "lib" / "Slicer-5.12" / "qt-scripted-modules"
    assert [path.name for path in modules.glob("*.py")] == ["IXGS.py"]  # Slicer takes each of them for a module
    assert (modules / "Resources" / "UI" / "IXGS.ui").is_file()
    package, sample, views = found(modules)
    assert package == modules / "IXGSLib"
    assert sample == modules / "IXGSLib" / "Resources" / "SampleCase"
    assert views == 25


def test_the_same_commit_gives_the_same_content(extension, tmp_path):
    first, second = (extension.archive(tmp_path / n, "5.12", "win", "amd64") for n in "ab")
    assert first.read_bytes() == second.read_bytes()
    assert first.name == second.name


def test_on_macos_the_revision_is_asked_for(extension, tmp_path):
    with pytest.raises(SystemExit, match=r"no revision of Slicer.*make extension SLICER_REVISION="):
        extension.archive(tmp_path, "5.12", "macosx", "arm64")
