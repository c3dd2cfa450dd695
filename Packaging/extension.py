"""The extension of 3D Slicer without a build of Slicer: its lists of files, its descriptions and its archive.

    python Packaging/extension.py lists         every file of IXGS and IXGSLib into their CMakeLists.txt
    python Packaging/extension.py describe      IXGS.s4ext and IXGS.json from the top CMakeLists.txt
    python Packaging/extension.py archive       what Slicer's Extensions Manager installs from file, into dist

The archive holds what CMake and CPack of a Slicer build package, byte-compiled files apart, in the same places
(SlicerDirectories.cmake, SlicerExtensionCPack.cmake, qSlicerExtensionsManagerModel::extractExtensionArchive): below one
top folder lib/Slicer-5.12/qt-scripted-modules and share/Slicer-5.12/IXGS.s4ext, on macOS within
Slicer.app/Contents/Extensions-REVISION/IXGS. The version, on macOS also the revision, must be that of the Slicer that
installs it; the rest of the archive's name is for people.
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import re
import subprocess
import tarfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = "IXGS"
MODULES = ("IXGS", "IXGSLib")
LISTS = ("MODULE_PYTHON_SCRIPTS", "MODULE_PYTHON_RESOURCES")
SCHEMA = (
    "https://raw.githubusercontent.com/Slicer/Slicer/main/Schemas/slicer-extension-catalog-entry-schema-v1.0.2.json#"
)
BRANCH = "main"
SCREENSHOTS = ("demo.png", "slicer_core_c_arm.png")
SYSTEMS = {"Linux": "linux", "Darwin": "macosx", "Windows": "win"}
"""Slicer's names of the operating systems (SlicerBlockOperatingSystemNames.cmake) by those of Python."""
MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}


def metadata(root: Path = ROOT) -> dict[str, str]:
    """The variables of the top CMakeLists.txt, those that they name filled in."""
    values: dict[str, str] = {}
    text = (root / "CMakeLists.txt").read_text(encoding="utf-8")
    for name, value in re.findall(r'^set\((\w+) "([^"]*)"\)$', text, re.MULTILINE):
        values[name] = re.sub(r"\$\{(\w+)\}", lambda found: values.get(found[1], found[0]), value)
    return values


def listed(module: str, root: Path = ROOT) -> tuple[list[str], list[str]]:
    """The scripts and the resources that a module's CMakeLists.txt names."""
    text = (root / module / "CMakeLists.txt").read_text(encoding="utf-8")
    scripts, resources = (re.search(rf"set\({name}\n(.*?)\)", text, re.DOTALL)[1].split() for name in LISTS)
    return scripts, resources


def present(module: str, root: Path = ROOT) -> tuple[list[str], list[str]]:
    """The scripts and the resources of a module that are there."""
    folder = root / module
    files = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    )
    files.remove("CMakeLists.txt")
    return [f for f in files if f.endswith(".py")], [f for f in files if not f.endswith(".py")]


def write_lists(root: Path = ROOT) -> None:
    """Make each module's CMakeLists.txt name what is there."""
    for module in MODULES:
        path = root / module / "CMakeLists.txt"
        text = path.read_text(encoding="utf-8")
        for name, files in zip(LISTS, present(module, root), strict=True):
            lines = "".join(f"  {file}\n" for file in files)
            text = re.sub(rf"(set\({name}\n).*?(  \)\n)", rf"\g<1>{lines}\g<2>", text, flags=re.DOTALL)
        path.write_text(text, encoding="utf-8")


def addresses(repository: str) -> dict[str, str]:
    """The variables of CMakeLists.txt that follow from the address of the repository; empty without one."""
    files = f"{repository.replace('https://github.com/', 'https://raw.githubusercontent.com/')}/{BRANCH}"
    pictures = " ".join(f"{files}/Resources/Screenshots/{name}" for name in SCREENSHOTS)
    found = {
        "EXTENSION_HOMEPAGE": repository,
        "EXTENSION_ICONURL": f"{files}/IXGS/Resources/Icons/IXGS.png",
        "EXTENSION_SCREENSHOTURLS": pictures,
    }
    return {name: value if repository else "" for name, value in found.items()}


def write_addresses(root: Path = ROOT) -> None:
    """Write the addresses into CMakeLists.txt in full, because the catalogue does not look up variables."""
    path = root / "CMakeLists.txt"
    text = path.read_text(encoding="utf-8")
    for name, value in addresses(metadata(root)["IXGS_REPOSITORY"]).items():
        text = re.sub(rf'^set\({name} "[^"]*"\)$', f'set({name} "{value}")', text, flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")


def description(values: dict[str, str]) -> str:
    """IXGS.s4ext, as Slicer reads it after the installation; addresses stay empty until there is one."""
    address = values["IXGS_REPOSITORY"]
    fields = {
        "scm": "git",
        "scmurl": f"{address}.git" if address else "",
        "scmrevision": BRANCH,
        "depends": values["EXTENSION_DEPENDS"],
        "build_subdirectory": ".",
        "homepage": values["EXTENSION_HOMEPAGE"],
        "contributors": values["EXTENSION_CONTRIBUTORS"],
        "category": values["EXTENSION_CATEGORY"],
        "iconurl": values["EXTENSION_ICONURL"],
        "status": values["EXTENSION_STATUS"],
        "tier": values["EXTENSION_TIER"],
        "description": values["EXTENSION_DESCRIPTION"],
        "screenshoturls": values["EXTENSION_SCREENSHOTURLS"],
        "enabled": "1",
        "keywords": values["EXTENSION_KEYWORDS"],
    }
    lines = [f"{name} {value}".rstrip() for name, value in fields.items()]
    return "\n".join(["# Written from CMakeLists.txt by `make catalogue`.", *lines]) + "\n"


def catalogue_entry(values: dict[str, str]) -> str:
    """IXGS.json, the extension's entry in Slicer's ExtensionsIndex."""
    address = values["IXGS_REPOSITORY"]
    entry = {
        "$schema": SCHEMA,
        "build_dependencies": values["EXTENSION_DEPENDS"].split(),
        "build_subdirectory": ".",
        "category": values["EXTENSION_CATEGORY"],
        "scm_revision": BRANCH,
        "scm_url": f"{address}.git" if address else "",
        "tier": int(values["EXTENSION_TIER"]),
    }
    return json.dumps(entry, indent=2) + "\n"


def describe(root: Path = ROOT) -> None:
    """Write the addresses, IXGS.s4ext and IXGS.json."""
    write_addresses(root)
    values = metadata(root)
    (root / f"{NAME}.s4ext").write_text(description(values), encoding="utf-8")
    (root / f"{NAME}.json").write_text(catalogue_entry(values), encoding="utf-8")


def contents(slicer: str, root: Path = ROOT) -> dict[str, bytes]:
    """The installed extension: the bytes of every file by its path.

    slicer: major and minor version, like 5.12.
    """
    modules = f"lib/Slicer-{slicer}/qt-scripted-modules"
    files = {f"share/Slicer-{slicer}/{NAME}.s4ext": description(metadata(root)).encode()}
    for module, folder in zip(MODULES, (modules, f"{modules}/IXGSLib"), strict=True):
        scripts, resources = listed(module, root)
        files |= {f"{folder}/{file}": (root / module / file).read_bytes() for file in (*scripts, *resources)}
    for path in sorted((root / "Resources").rglob("*")):
        inner = path.relative_to(root)
        if path.is_file() and "Screenshots" not in inner.parts:
            files[f"{modules}/IXGSLib/{inner.as_posix()}"] = path.read_bytes()
    return files


def archive(out: Path, slicer: str, system: str, machine: str, revision: str = "", root: Path = ROOT) -> Path:
    """Write the archive for one version of Slicer and return its path: ZIP for Windows, else a gzipped tar.

    system: linux, macosx or win. machine: amd64 or arm64. revision: of Slicer, needed on macOS.
    """
    if system == "macosx" and not revision:
        raise SystemExit(
            "no revision of Slicer, needed on macOS, where it is part of the paths; Help, About 3D Slicer shows it: "
            "make extension SLICER_REVISION=..."
        )
    commit, date, seconds = _commit(root)
    top = f"{revision or slicer}-{system}-{machine}-{NAME}-git{commit}-{date}"
    inner = f"{top}/Slicer.app/Contents/Extensions-{revision}/{NAME}" if system == "macosx" else top
    files = {f"{inner}/{path}": data for path, data in sorted(contents(slicer, root).items())}
    out.mkdir(parents=True, exist_ok=True)
    if system == "win":
        return _zip(out / f"{top}.zip", files, seconds)
    return _tar(out / f"{top}.tar.gz", files, seconds)


def _commit(root: Path) -> tuple[str, str, int]:
    """The short hash, the day and the second of the last commit; of now in a tree without one."""
    command = ["git", "-C", str(root), "log", "-1", "--format=%h %ct"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        commit, seconds = found[0], int(found[1])
    except (OSError, subprocess.CalledProcessError, IndexError):
        commit, seconds = "NA", int(time.time())
    return commit, time.strftime("%Y-%m-%d", time.gmtime(seconds)), seconds


def _tar(path: Path, files: dict[str, bytes], seconds: int) -> Path:
    with tarfile.open(path, "w:gz") as target:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(data), seconds, 0o644
            target.addfile(entry, io.BytesIO(data))
    return path


def _zip(path: Path, files: dict[str, bytes], seconds: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in files.items():
            target.writestr(zipfile.ZipInfo(name, time.gmtime(seconds)[:6]), data, zipfile.ZIP_DEFLATED)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["lists", "describe", "archive"])
    parser.add_argument("--slicer", default="5.12", help="major and minor version of Slicer")
    parser.add_argument("--revision", default="", help="revision of Slicer, needed on macOS")
    parser.add_argument("--system", default=SYSTEMS.get(platform.system()), choices=list(SYSTEMS.values()))
    parser.add_argument("--machine", default=MACHINES.get(platform.machine(), platform.machine()))
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    options = parser.parse_args()
    if options.action == "lists":
        write_lists()
    elif options.action == "describe":
        describe()
        if not metadata()["IXGS_REPOSITORY"]:
            raise SystemExit(
                "CMakeLists.txt: IXGS_REPOSITORY is empty, expected the address of the public repository, such as "
                "https://github.com/OWNER/SlicerIXGS; fill it in and run `make catalogue` again"
            )
    else:
        print(archive(options.out, options.slicer, options.system, options.machine, options.revision))


if __name__ == "__main__":
    main()
