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


def filled_in(extension, folder, address="https://github.com/someone/SlicerIXGS"):
    """The descriptions as they are written once the repository has an address; returns CMakeLists.txt."""
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    text = re.sub(r'set\(IXGS_REPOSITORY "[^"]*"\)', f'set(IXGS_REPOSITORY "{address}")', text)
    (folder / "CMakeLists.txt").write_text(text, encoding="utf-8")
    extension.describe(folder)
    return (folder / "CMakeLists.txt").read_text(encoding="utf-8")


def test_an_address_is_stated_once_and_used_everywhere(extension, tmp_path):
    address = "https://github.com/someone/SlicerIXGS"
    filled_in(extension, tmp_path)
    fields = dict(line.split(" ", 1) for line in (tmp_path / "IXGS.s4ext").read_text().splitlines()[1:])
    assert fields["scmurl"] == json.loads((tmp_path / "IXGS.json").read_text())["scm_url"] == f"{address}.git"
    assert fields["homepage"] == address
    raw = "https://raw.githubusercontent.com/someone/SlicerIXGS/main/"
    for picture in [fields["iconurl"], *fields["screenshoturls"].split()]:
        assert picture.startswith(raw)
        assert (ROOT / picture.removeprefix(raw)).is_file()


def test_the_catalogue_reads_cmake_without_variables(extension, tmp_path):
    """The rules of the catalogue's check of descriptions that need no network."""
    cmake = filled_in(extension, tmp_path)
    entry = (tmp_path / "IXGS.json").read_bytes()
    assert re.findall(r"project\s*\(\s*([^\s\)\n\r]+)", cmake) == ["IXGS"]
    icons = re.findall(r'set\s*\(EXTENSION_ICONURL\s*"([^"]+)"[ ]*\)', cmake)
    screenshots = re.findall(r'set\s*\(EXTENSION_SCREENSHOTURLS\s*"([^"]+)"\)', cmake)
    for picture in [*icons, *screenshots[0].split()]:
        assert re.fullmatch(r"https://[^$\s]+\.(png|jpg|jpeg|gif)", picture)
    assert len(icons) == len(screenshots) == 1
    assert b"\r" not in entry
    url = json.loads(entry)["scm_url"]
    assert re.fullmatch(r"(https|git)://\S+/Slicer[-_]?\w+\.git", url)
    assert not "IXGS".lower().startswith("slicer")
    assert (ROOT / "LICENSE").is_file()
    text = extension.metadata()["EXTENSION_DESCRIPTION"]
    assert "US 2026/0187884 A1" in text  # known patents have to be named
    dependencies = extension.metadata()["EXTENSION_DEPENDS"].split()
    assert json.loads(entry)["build_dependencies"] == dependencies


def test_the_catalogue_is_refused_without_an_address(extension, monkeypatch, tmp_path):
    import sys

    for name in ("CMakeLists.txt", "IXGS.s4ext", "IXGS.json"):
        shutil.copy(ROOT / name, tmp_path / name)
    text = re.sub(r'(IXGS_REPOSITORY) "[^"]*"', r'\1 ""', (tmp_path / "CMakeLists.txt").read_text())
    (tmp_path / "CMakeLists.txt").write_text(text)
    monkeypatch.setattr(sys, "argv", ["extension.py", "describe"])
    monkeypatch.setattr(extension, "describe", lambda: None)
    original = extension.metadata
    monkeypatch.setattr(extension, "metadata", lambda: original(tmp_path))
    with pytest.raises(SystemExit, match="IXGS_REPOSITORY is empty"):
        extension.main()


def test_no_code_that_is_packaged_downloads_or_sends_anything_on_its_own():
    """Only pip, which asks first, uses the network."""
    ways = r"urllib\.request|requests\.(get|post)|http\.client|socket\.(socket|create_connection)|urlretrieve|urlopen"
    words = re.compile(rf"\b({ways})\b")
    for path in [*(ROOT / "IXGS").rglob("*.py"), *(ROOT / "IXGSLib").rglob("*.py")]:
        assert not words.search(path.read_text(encoding="utf-8")), path


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
