"""Pairs of a realistic radiograph and its clean target, many at a time, on disk."""

from __future__ import annotations

import hashlib
import itertools
import json
import multiprocessing
import signal
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..compute.threads import set_thread_count, thread_count
from ..errors import FormatError, IXGSError, SettingsError
from ..files import sha256, write_atomically
from ..formats.strict_json import read_json
from ..geometry import Grid
from ..geometry.rigid import Array, apply
from ..simulation import anatomy, drawing
from ..simulation.attenuation import check_hounsfield
from ..simulation.body import Body, body
from ..simulation.imaging_settings import ImagingSettings
from ..simulation.realistic import radiograph
from ..simulation.spine import spine
from ..volume.images import read_image
from ..xray import png

VERSION = 4
"""Of the way in which pairs are drawn."""
ANATOMY = 10
"""Pairs of each anatomy that is drawn from a CT; the first is the CT's own."""
TARGET_SCALE = 4096
"""Numbers per unit of line integral in the files of targets."""
CONTENT = ("format", "version", "seed", "size", "bone_threshold", "bone_softness")
"""What of pairs.json must be the same for pairs to be added."""


@dataclass(frozen=True)
class PairSettings:
    """How many pairs are made of each CT, and of which kind; raises SettingsError for a value out of its range."""

    count: int = 100
    """Pairs per CT."""
    size: int = 256
    """Pixels along either side."""
    seed: int = 0
    """Of poses and imaging settings."""
    bone_threshold: float = 200.0
    """HU at which the target's logistic step is at one half."""
    bone_softness: float = 30.0
    """Logistic width of that step, HU."""

    def __post_init__(self) -> None:
        for name, low, high in (("count", 1, 1_000_000), ("size", 16, 4096), ("seed", 0, 2**63)):
            if not low <= getattr(self, name) <= high:
                raise SettingsError(f"{name} is {getattr(self, name)}, expected a number from {low} to {high}")
        self.imaging()

    def imaging(self) -> ImagingSettings:
        return ImagingSettings(bone_threshold=self.bone_threshold, bone_softness=self.bone_softness)


@dataclass(frozen=True, eq=False)
class Scan:
    """A CT that is ready for projection, its voxels in a file that all processes share.

    name: the first digits of its SHA-256, which begin the names of its pairs.
    """

    name: str
    voxels: Path
    grid: Grid
    back: float

    def body(self) -> Body:
        return Body(np.load(self.voxels, mmap_mode="r"), self.grid, self.back)


def make_pairs(cts: list[Path], folder: Path, settings: PairSettings, jobs: int | None = None) -> Iterator[int]:
    """Make the pairs that are not there yet; yields how many of count x CTs there are, at the start and as they come.

    In `folder`: pairs.json (written first), xray/NAME.png (16 bits, dense or thin is bright), target/NAME.png (16 bits,
    line integrals times TARGET_SCALE), NAME.json (pose, settings, hashes; written last for each pair) and manifest.json
    at the end, with the SHA-256 of every file and CT. A pair depends on the CT's content, the seed and its number only.
    jobs: processes; as many as cores when not given.
    Raises IXGSError for a folder of other pairs or that cannot be written, SettingsError, and what `read_image` raises.
    """
    if not cts:
        raise SettingsError("no CT, expected at least one; name a .nii.gz, .nrrd or .mha file or a DICOM series")
    jobs = thread_count() if jobs is None else jobs
    if jobs < 1:
        raise SettingsError(f"jobs is {jobs}, expected at least 1")
    hashes = [_hash(ct) for ct in cts]
    if len(set(hashes)) < len(hashes):
        raise SettingsError("two of the CTs have the same content, expected different ones; name each once")
    _prepare(folder, settings)
    names = {digest[:12]: ct for digest, ct in zip(hashes, cts, strict=True)}
    total = len(cts) * settings.count
    done = 0
    missing: dict[str, list[int]] = {}
    for name in names:
        missing[name] = [n for n in range(settings.count) if not _finished(folder, _stem(name, n))]
        done += settings.count - len(missing[name])
    yield done
    with tempfile.TemporaryDirectory(prefix="ixgs-pairs-") as temporary:
        for name, numbers in missing.items():
            if not numbers:
                continue
            scan = _scan(names[name], name, settings, Path(temporary))
            for made in _made(scan, numbers, settings, folder, jobs):
                done += made
                yield done
            scan.voxels.unlink()
    assert done == total
    _write_manifest(folder, dict(zip(names, hashes, strict=True)))


def _pairs_of_one_anatomy(
    scan: Scan, patient: Body, numbers: Sequence[int], settings: PairSettings, folder: Path
) -> Iterator[None]:
    """Draw, simulate and write the pairs of these numbers, which share a multiple of `ANATOMY`; yields after each."""
    kind = numbers[0] // ANATOMY
    seeds = [settings.seed, int(scan.name, 16)]
    person = anatomy.draw_anatomy(np.random.default_rng([*seeds, kind, 1]), patient) if kind else patient
    along = spine(person)
    for number in numbers:
        _make_pair(scan, person, along, number, np.random.default_rng([*seeds, number]), settings, folder)
        yield


def _make_pair(
    scan: Scan,
    person: Body,
    along: Array,
    number: int,
    generator: np.random.Generator,
    settings: PairSettings,
    folder: Path,
) -> None:
    varied = drawing.draw_patient(generator, person)
    along = apply(varied.grid.world_from_index @ np.linalg.inv(person.grid.world_from_index), along)
    view, center = drawing.draw_view(generator, varied, along, settings.size)
    imaging = drawing.draw_settings(generator, settings.imaging())
    picture = radiograph(varied, view, imaging, center, spine=along)
    grey = np.rint(picture.picture * (65535 / (2**imaging.bits - 1))).astype(np.uint16)
    target = np.rint(np.clip(picture.target * TARGET_SCALE, 0, 65535)).astype(np.uint16)
    stem = _stem(scan.name, number)
    files = {f"xray/{stem}.png": png.encode(grey), f"target/{stem}.png": png.encode(target)}
    for name, data in files.items():
        write_atomically(folder / name, data)
    record = {
        "ct": scan.name,
        "number": number,
        "target_scale": TARGET_SCALE,
        "K": view.K.tolist(),
        "world_from_camera": view.world_from_camera.tolist(),
        "size": list(view.size),
        "pixel_spacing": list(view.pixel_spacing or ()),
        "isocentre": center.tolist(),
        "patient": {
            "anatomy": number // ANATOMY,
            "spacing": varied.grid.spacing.tolist(),
            "density": list(varied.density),
        },
        "settings": asdict(imaging),
        "sha256": {name: sha256(data) for name, data in files.items()},
    }
    write_atomically(folder / f"{stem}.json", _json(record))


def _scan(ct: Path, name: str, settings: PairSettings, temporary: Path) -> Scan:
    values, grid = read_image(ct)
    check_hounsfield(values, settings.bone_threshold, ct.name)
    patient = body(values, grid, settings.bone_threshold, settings.bone_softness)
    if not patient.values[..., 3].max() > 0:
        raise SettingsError(f"{ct.name}: nothing in it attenuates, expected a CT in HU of a body; check its scale")
    voxels = temporary / f"{name}.npy"
    np.save(voxels, patient.values)
    return Scan(name, voxels, patient.grid, patient.back)


_state: dict[str, Any] = {}
"""What a process of the pool needs for each of its pairs."""


def _begin(scan: Scan, settings: PairSettings, folder: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which lets the pairs be finished
    set_thread_count(1)
    _state.update(scan=scan, settings=settings, folder=folder, patient=scan.body())


def _some(numbers: list[int]) -> int:
    scan, patient, settings, folder = (_state[name] for name in ("scan", "patient", "settings", "folder"))
    return sum(1 for _ in _pairs_of_one_anatomy(scan, patient, numbers, settings, folder))


def _made(scan: Scan, numbers: list[int], settings: PairSettings, folder: Path, jobs: int) -> Iterator[int]:
    """Make these pairs, and yield how many more there are, again and again."""
    groups = [list(group) for _, group in itertools.groupby(numbers, lambda number: number // ANATOMY)]
    jobs = min(jobs, len(groups))
    if jobs == 1:
        patient = scan.body()
        for group in groups:
            for _ in _pairs_of_one_anatomy(scan, patient, group, settings, folder):
                yield 1
        return
    context = multiprocessing.get_context("spawn")  # a forked process inherits locks that threads hold
    with ProcessPoolExecutor(jobs, context, _begin, (scan, settings, folder)) as pool:
        try:
            for future in as_completed([pool.submit(_some, group) for group in groups]):
                yield future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _prepare(folder: Path, settings: PairSettings) -> None:
    """Make the folder, or check that it holds pairs of the same kind."""
    wanted = {"format": "ixgs-pairs", "version": VERSION, **asdict(settings)}
    file = folder / "pairs.json"
    if file.is_file():
        found = read_json(file)
        different = [key for key in CONTENT if not isinstance(found, dict) or found.get(key) != wanted[key]]
        if different:
            raise IXGSError(
                f"{folder}: holds pairs of another {', '.join(different)}, expected the same to go on; "
                "give the same options or choose another --out"
            )
    elif folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise IXGSError(
            f"{folder}: holds other files, expected a new or an empty folder, or pairs; choose another --out"
        )
    try:
        for name in ("xray", "target"):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IXGSError(f"{folder}: cannot be made ({error.strerror}); choose an --out that can be written") from error
    if not file.is_file():
        ranges = {
            name: value
            for module in (anatomy, drawing)
            for name, value in vars(module).items()
            if name.isupper() and isinstance(value, (dict, tuple, float, int))
        }
        write_atomically(file, _json({**wanted, "ixgs": __version__, "ranges": ranges}))


def _finished(folder: Path, stem: str) -> bool:
    """Whether a pair is there, as it was written."""
    try:
        hashes = read_json(folder / f"{stem}.json")["sha256"]
        return all(sha256((folder / name).read_bytes()) == digest for name, digest in hashes.items())
    except (OSError, FormatError, KeyError, TypeError, AttributeError):
        return False


def _write_manifest(folder: Path, cts: dict[str, str]) -> None:
    """manifest.json: the SHA-256 of every file of the folder and of every CT, those of earlier pairs included."""
    file = folder / "manifest.json"
    try:
        earlier = read_json(file)["cts"] if file.is_file() else {}
    except (FormatError, KeyError, TypeError):
        earlier = {}
    names = ("pairs.json", *(path.name for path in folder.glob("*_*.json")))
    pictures = (f"{part}/{path.name}" for part in ("xray", "target") for path in (folder / part).glob("*.png"))
    files = {name: sha256((folder / name).read_bytes()) for name in sorted([*names, *pictures])}
    write_atomically(
        file, _json({"format": "ixgs-pairs-manifest", "version": 1, "cts": {**earlier, **cts}, "files": files})
    )


def _hash(ct: Path) -> str:
    """The SHA-256 of a file, or of the files of a folder in the order of their names."""
    if not ct.exists():
        raise FormatError(f"{ct}: no such file, expected a CT; check the name")
    digest = hashlib.sha256()
    for file in sorted(path for path in ct.rglob("*") if path.is_file()) if ct.is_dir() else [ct]:
        try:
            with file.open("rb") as opened:
                while block := opened.read(2**20):
                    digest.update(block)
        except OSError as error:
            raise FormatError(f"{file}: cannot be read ({error.strerror}); check its permissions") from error
    return digest.hexdigest()


def _stem(name: str, number: int) -> str:
    return f"{name}_{number:06d}"


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
