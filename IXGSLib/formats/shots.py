"""The X-rays in a folder or file: their selection, order and names."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import FormatError, IXGSWarning, NotAnImage
from ..sniffing import BINARY, head, sniff
from ..xray.dicom.order import Acquisition, acquisition, in_acquisition_order
from ..xray.kinds import READABLE, SUFFIXES
from ..xray.reading import frame_count
from .folder import image_id, natural_key


class Shot(NamedTuple):
    """One X-ray: the id of its view, its file, and its frame if the file has several."""

    id: str
    path: Path
    frame: int | None = None


def find_shots(images: Path, besides: Sequence[Path] = ()) -> list[Shot]:
    """The X-rays in a folder, or the frames of a file, in order; besides: files that are not X-rays.

    DICOM files are ordered by SeriesNumber, InstanceNumber, AcquisitionNumber and the time of acquisition, as far as
    all of them state these; other files, and folders with both, in the natural order of their names (shot2 before
    shot10). A view is named after its file, and after file and frame if a DICOM file in a folder has several.
    Raises FormatError for a folder without images; warns of files that are not X-rays.
    """
    if not images.is_dir():
        return [Shot(f"{n:03d}", images, n) for n in range(frame_count(images))]
    return shots_of(_image_files(images, besides))


def shots_of(files: Sequence[Path]) -> list[Shot]:
    """The X-rays of some image files, in their order; includes all frames of DICOM files."""
    ids = image_ids(files)
    return [shot for path in files for shot in _frames(path, ids[path])]


def numbered(shots: Sequence[Shot]) -> list[Shot]:
    """The X-rays with their numbers as ids: files may be named after patients, and ids are part of the results."""
    return [shot._replace(id=f"{n:03d}") for n, shot in enumerate(shots)]


def refuse_image(path: Path) -> None:
    """Raises FormatError for an image, or another file that is no text, in the place of a case's JSON file."""
    kind = sniff(head(path))
    expected = "expected a folder with case.json or a JSON file"
    if kind in READABLE:
        raise FormatError(
            f"{path.name}: an image ({kind}), {expected}; give the poses of its frames with --calibration FILE"
        )
    if kind in BINARY:
        raise FormatError(f"{path.name}: {kind}, {expected}; choose another file")


def image_ids(files: Sequence[Path]) -> dict[Path, str]:
    """The view id of each image file: its name without the suffix, unless two ids would be the same."""
    short = [image_id(path.name) for path in files]
    return {path: path.name if short.count(id) > 1 else id for path, id in zip(files, short, strict=True)}


def _frames(path: Path, id: str) -> list[Shot]:
    if not _is_dicom(path):
        return [Shot(id, path)]
    count = frame_count(path)
    return [Shot(id, path)] if count == 1 else [Shot(f"{id}-{n:03d}", path, n) for n in range(count)]


def _is_dicom(path: Path) -> bool:
    return sniff(head(path)) == "DICOM"


def _image_files(folder: Path, besides: Sequence[Path]) -> list[Path]:
    files = [f for f in folder.iterdir() if f.is_file() and not f.name.startswith(".")]
    used = {path.resolve() for path in besides}
    files = sorted((f for f in files if f.resolve() not in used), key=natural_key)
    candidates = [f for f in files if f.suffix.lower() in SUFFIXES or sniff(head(f)) in READABLE]
    dicom, reasons = _x_rays([f for f in candidates if _is_dicom(f)])
    chosen = [f for f in candidates if f.name not in reasons]
    if not chosen:
        raise FormatError(_nothing(folder, reasons))
    ignored = {f.name: reasons.get(f.name, "") for f in files if f not in chosen}
    if ignored:
        warnings.warn(_passed_over(ignored), IXGSWarning, stacklevel=4)
    return _ordered(dicom) if len(dicom) == len(chosen) else chosen


def _x_rays(files: Sequence[Path]) -> tuple[dict[Path, Acquisition], dict[str, str]]:
    """The X-rays among DICOM files, and for each other file, by its name, why it is not an X-ray.

    Secondary captures and colour images beside X-rays are screen copies; alone they are the X-rays.
    """
    found: dict[Path, Acquisition] = {}
    reasons = {}
    for path in files:
        try:
            found[path] = acquisition(path)
        except NotAnImage as error:
            reasons[path.name] = str(error)
    if not all(place.copy for place in found.values()):
        copies = {path.name: place.copy for path, place in found.items() if place.copy}
        reasons |= {name: f"{name}: DICOM {copy}, expected X-rays" for name, copy in copies.items()}
        found = {path: place for path, place in found.items() if not place.copy}
    return found, reasons


def _nothing(folder: Path, reasons: dict[str, str]) -> str:
    reason = next(iter(reasons.values()), None)
    found = "no image files" if reason is None else f"no X-rays ({reason.split(', expected')[0]})"
    inner = sorted(f.name for f in folder.iterdir() if f.is_dir())
    cure = f"choose one of the folders in it: {', '.join(inner[:5])}" if inner else "check the path"
    return f"{folder.name}: {found}, expected {', '.join(READABLE)}; {cure}"


def _passed_over(ignored: dict[str, str]) -> str:
    """A sentence that counts the files that are not X-rays, by the kind of DICOM object or by their suffix.

    It does not name them, because it is recorded.
    """
    kinds = [
        reason.removeprefix(f"{name}: DICOM ").split(", expected")[0]
        if reason
        else f"'{Path(name).suffix}'"
        if Path(name).suffix
        else "without a suffix"
        for name, reason in ignored.items()
    ]
    counts = [f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds))]
    others = "1 other file is" if len(kinds) == 1 else f"{len(kinds)} other files are"
    return f"beside the X-rays, {others} not used: {', '.join(counts)}"


def _ordered(files: dict[Path, Acquisition]) -> list[Path]:
    order = in_acquisition_order(files)
    made = ", ".join(order.used) or "their names"
    if order.paths != list(files):
        warnings.warn(
            f"the DICOM files are in the order of {made}, which is not the order of their names; poses "
            "without names must be in that order too",
            IXGSWarning,
            stacklevel=5,
        )
    if order.doubts:
        warnings.warn(
            f"the DICOM files are in the order of {made}, but {' and '.join(order.doubts)}; check that "
            "poses without names are in that order too, or name them like the files",
            IXGSWarning,
            stacklevel=5,
        )
    if len({place.patient for place in files.values()}) > 1:
        warnings.warn(
            "the DICOM files belong to more than one patient or study; keep those of one examination",
            IXGSWarning,
            stacklevel=5,
        )
    return order.paths
