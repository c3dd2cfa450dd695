"""Training pairs of several CTs, made by several processes."""

from __future__ import annotations

import hashlib
import itertools
import multiprocessing
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from ..compute.threads import set_thread_count, thread_count
from ..errors import FormatError, SettingsError
from .pair_format import is_finished, pair_name, prepare_folder, write_manifest
from .pair_rendering import PAIRS_PER_ANATOMY, PairRenderer, Scan, load_scan
from .pair_settings import PairSettings


def make_pairs(cts: list[Path], folder: Path, settings: PairSettings, jobs: int | None = None) -> Iterator[int]:
    """Make the pairs that are missing in a folder of `pair_format`; yields the number of finished pairs.

    It is yielded at the start and whenever it grows. A pair depends on the CT's content, the seed and its number only.
    jobs: processes; by default as many as cores.
    Raises IXGSError for a folder of other pairs or that cannot be written, SettingsError, and what `read_image` raises.
    """
    jobs = thread_count() if jobs is None else jobs
    if jobs < 1:
        raise SettingsError(f"jobs is {jobs}, expected at least 1")
    hashes = _hashes(cts)
    prepare_folder(folder, settings)
    missing = {name: _missing(folder, name, settings.count) for name in hashes}
    done = len(cts) * settings.count - sum(map(len, missing.values()))
    yield done
    with tempfile.TemporaryDirectory(prefix="ixgs-pairs-") as temporary:
        for (name, numbers), ct in zip(missing.items(), cts, strict=True):
            if not numbers:
                continue
            scan = load_scan(ct, name, settings, Path(temporary))
            for made in _make(scan, numbers, settings, folder, jobs):
                done += made
                yield done
            scan.voxels.unlink()
    write_manifest(folder, hashes)


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


def _missing(folder: Path, ct: str, count: int) -> list[int]:
    return [number for number in range(count) if not is_finished(folder, pair_name(ct, number))]


def _make(scan: Scan, numbers: list[int], settings: PairSettings, folder: Path, jobs: int) -> Iterator[int]:
    """Render these pairs of one CT; repeatedly yields the number of pairs finished since the last time."""
    groups = [list(group) for _, group in itertools.groupby(numbers, lambda number: number // PAIRS_PER_ANATOMY)]
    jobs = min(jobs, len(groups))
    if jobs == 1:
        renderer = PairRenderer(scan, settings, folder)
        for group in groups:
            for _ in renderer.render(group):
                yield 1
        return
    context = multiprocessing.get_context("spawn")  # a forked process inherits locks that threads hold
    with ProcessPoolExecutor(jobs, context, _start_process, (scan, settings, folder)) as pool:
        try:
            for future in as_completed([pool.submit(_make_group, group) for group in groups]):
                yield future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


_renderer: PairRenderer | None = None
"""The renderer of a process of the pool."""


def _start_process(scan: Scan, settings: PairSettings, folder: Path) -> None:
    global _renderer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which lets pairs in progress finish
    set_thread_count(1)
    _renderer = PairRenderer(scan, settings, folder)


def _make_group(numbers: list[int]) -> int:
    assert _renderer is not None
    return sum(1 for _ in _renderer.render(numbers))
