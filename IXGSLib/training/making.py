"""Training data of several CTs, pairs or series, rendered by several processes."""

from __future__ import annotations

import hashlib
import itertools
import multiprocessing
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..compute.threads import set_thread_count, thread_count
from ..errors import FormatError, SettingsError
from . import pair_format, series_format
from .cameras import check_device
from .pair_rendering import PAIRS_PER_ANATOMY, PairRenderer, Scan, load_scan
from .pair_settings import PairSettings
from .series_rendering import SERIES_PER_ANATOMY, SeriesRenderer
from .series_settings import SeriesSettings


class Renderer(Protocol):
    """Renders and writes the items of these numbers, which share one anatomy; yields after each."""

    def render(self, numbers: Sequence[int]) -> Iterator[None]: ...


@dataclass(frozen=True)
class Product:
    """A kind of training data: who renders it, how many items share an anatomy, and the functions of its format."""

    renderer: Callable[[Scan, Any, Path], Renderer]
    per_anatomy: int
    prepare_folder: Callable[[Path, Any], None]
    is_finished: Callable[[Path, str], bool]
    write_manifest: Callable[[Path, dict[str, str]], None]


PAIRS = Product(
    PairRenderer, PAIRS_PER_ANATOMY, pair_format.prepare_folder, pair_format.is_finished, pair_format.write_manifest
)
SERIES = Product(
    SeriesRenderer,
    SERIES_PER_ANATOMY,
    series_format.prepare_folder,
    series_format.is_finished,
    series_format.write_manifest,
)


def make_pairs(cts: list[Path], folder: Path, settings: PairSettings, jobs: int | None = None) -> Iterator[int]:
    """Make the pairs that are missing in a folder of `pair_format`, as `make_missing` does."""
    check_device(settings.device)
    return make_missing(PAIRS, cts, folder, settings, jobs)


def make_series(cts: list[Path], folder: Path, settings: SeriesSettings, jobs: int | None = None) -> Iterator[int]:
    """Make the series that are missing in a folder of `series_format`, as `make_missing` does."""
    return make_missing(SERIES, cts, folder, settings, jobs)


def make_missing(
    product: Product, cts: list[Path], folder: Path, settings: PairSettings | SeriesSettings, jobs: int | None = None
) -> Iterator[int]:
    """Make the items that are missing in a folder; yields the number of finished items.

    It is yielded at the start and whenever it grows. An item depends on the CT's content, the seed and its number only.
    jobs: processes; by default as many as cores.
    Raises IXGSError for a folder of other data or that cannot be written, SettingsError, and what `read_image` raises.
    """
    jobs = thread_count() if jobs is None else jobs
    if jobs < 1:
        raise SettingsError(f"jobs is {jobs}, expected at least 1")
    hashes = _hashes(cts)
    product.prepare_folder(folder, settings)
    missing = {name: _missing(product, folder, name, settings.count) for name in hashes}
    done = len(cts) * settings.count - sum(map(len, missing.values()))
    yield done
    with tempfile.TemporaryDirectory(prefix="ixgs-pairs-") as temporary:
        for (name, numbers), ct in zip(missing.items(), cts, strict=True):
            if not numbers:
                continue
            scan = load_scan(ct, name, settings, Path(temporary))
            for made in _make(_Task(product, scan, settings, folder), numbers, jobs):
                done += made
                yield done
            scan.voxels.unlink()
    product.write_manifest(folder, hashes)


def _hashes(cts: list[Path]) -> dict[str, str]:
    """The SHA-256 of each CT by its first digits, in the order of the CTs; raises SettingsError for repeated ones."""
    if not cts:
        raise SettingsError("no CT, expected at least one; name a .nii.gz, .nrrd or .mha file or a DICOM series")
    hashes = {digest[:12]: digest for digest in map(_hash, cts)}
    if len(hashes) < len(cts):
        raise SettingsError("two of the CTs have the same content, expected different ones; name each once")
    return hashes


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


def _missing(product: Product, folder: Path, ct: str, count: int) -> list[int]:
    return [number for number in range(count) if not product.is_finished(folder, pair_format.pair_name(ct, number))]


@dataclass(frozen=True, eq=False)
class _Task:
    """What to render of one CT, and where to."""

    product: Product
    scan: Scan
    settings: PairSettings | SeriesSettings
    folder: Path

    def renderer(self) -> Renderer:
        return self.product.renderer(self.scan, self.settings, self.folder)


def _make(task: _Task, numbers: list[int], jobs: int) -> Iterator[int]:
    """Render these items of one CT; repeatedly yields the number of items finished since the last time."""
    each = task.product.per_anatomy
    groups = [list(group) for _, group in itertools.groupby(numbers, lambda number: number // each)]
    jobs = min(jobs, len(groups))
    if jobs == 1:
        renderer = task.renderer()
        for group in groups:
            for _ in renderer.render(group):
                yield 1
        return
    context = multiprocessing.get_context("spawn")  # a forked process inherits locks that threads hold
    with ProcessPoolExecutor(jobs, context, _start_process, (task,)) as pool:
        try:
            for future in as_completed([pool.submit(_make_group, group) for group in groups]):
                yield future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


_renderer: Renderer | None = None
"""The renderer of a process of the pool."""


def _start_process(task: _Task) -> None:
    global _renderer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which lets items in progress finish
    set_thread_count(1)
    _renderer = task.renderer()


def _make_group(numbers: list[int]) -> int:
    assert _renderer is not None
    return sum(1 for _ in _renderer.render(numbers))
