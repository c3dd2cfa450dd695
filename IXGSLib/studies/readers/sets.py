"""Blinded sets for readers: the volumes of runs under numbers, in random order, some of them twice."""

from __future__ import annotations

import itertools
import json
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...checks import check_range, check_whole
from ...errors import FormatError, IXGSError, SettingsError
from ...files import check_new_folder, file_sha256, write_atomically, write_folder
from ...geometry import Grid
from ...runs.records import RUN, checked_output, read_done, read_record
from ...version import __version__
from ...volume import Volume
from ...volume.resampling import resample
from .key import Key, Run
from .table import Row

VOLUME, DONE = "volume.nrrd", "done.json"
BLINDED = "Reader study"
"""The name of the case in the record of every blinded volume."""
CALENDAR = 946_684_800
"""The time of every file, 2000-01-01, so that none tells when its run was made."""
MIN_RUNS = 2


@dataclass(frozen=True)
class SetSettings:
    """How blinded sets are made. Raises SettingsError for a value out of range."""

    readers: int = 2
    """Number of sets, one for each reader, each in an order of its own."""
    repeats: float = 0.2
    """Fraction of the runs that each set shows twice, to see how consistent a reader is."""
    seed: int | None = None
    """Random seed of the order; None: drawn, and kept in the key."""

    def __post_init__(self) -> None:
        check_whole("readers", self.readers, 1, 100)
        check_range("repeats", self.repeats, 0.0, 1.0)
        if self.seed is not None:
            check_whole("seed", self.seed, 0, 2**63)


def make_sets(
    runs: Sequence[Path], out: Path, key: Path, settings: SetSettings, table: Mapping[str, Row] | None = None
) -> Key:
    """Write the blinded sets of finished runs, and their key into a file apart from them; returns the key.

    out: a new or empty folder; it gets a folder for each set and in it one for each number, which the panel's *Load
    run...* opens. table: further metrics and the specimens of the runs, by the names of their folders.
    Raises IXGSError for runs that are not finished, changed or named twice, and for a key inside the sets.
    """
    _check_places(out, key)
    found = _read_runs(runs, {} if table is None else table)
    seed = secrets.randbits(32) if settings.seed is None else settings.seed
    orders = _orders([run.name for run in found.values()], settings, seed)
    made = Key({run.name: run for run in found.values()}, orders, seed)
    write_folder(out, lambda folder: _write_sets(folder, {run.name: path for path, run in found.items()}, made))
    try:
        made.save(key)
    except IXGSError:
        shutil.rmtree(out, ignore_errors=True)
        raise
    return made


def _check_places(out: Path, key: Path) -> None:
    check_new_folder(out)
    if key.exists():
        raise IXGSError(f"{key}: exists already, expected a new file for the key; choose another name")
    if key.absolute().is_relative_to(out.absolute()):
        raise SettingsError(f"{key}: lies in the folder of the sets, where readers would see it; choose another --key")
    if not key.absolute().parent.is_dir():
        raise IXGSError(f"{key}: its folder does not exist; create it or choose another --key")


def _read_runs(paths: Sequence[Path], table: Mapping[str, Row]) -> dict[Path, Run]:
    if len(paths) < MIN_RUNS:
        raise SettingsError(f"{len(paths)} runs for a reader study, expected at least {MIN_RUNS}; name their folders")
    found: dict[Path, Run] = {}
    for path in paths:
        run = _read_run(path, table)
        if run.name in {other.name for other in found.values()}:
            raise SettingsError(f"{path}: a second run named '{run.name}', expected different names; rename its folder")
        found[path] = run
    lost = [run.name for run in found.values() if table and run.name not in table]
    if lost:
        raise FormatError(f"the table of metrics has no row for {', '.join(lost)}, expected one for each run")
    return found


def _read_run(path: Path, table: Mapping[str, Row]) -> Run:
    done, name = read_done(path), path.absolute().name
    checked_output(path / VOLUME, done)
    case = read_record(path / RUN).get("case")
    row = table.get(name)
    specimen = row.specimen if row is not None else None
    if specimen is None:
        specimen = case.get("name") if isinstance(case, dict) else None
    metrics = dict(done.get("metrics") or {}) | (dict(row.metrics) if row is not None else {})
    return Run(
        name, str(specimen or name), {key: None if value is None else float(value) for key, value in metrics.items()}
    )


def _orders(names: Sequence[str], settings: SetSettings, seed: int) -> dict[str, dict[str, str]]:
    """For each set the runs by their numbers; the second showing of a run is never next to the first, if avoidable."""
    orders = {}
    for number in range(1, settings.readers + 1):
        rng = np.random.default_rng([seed, number])
        repeated = rng.permutation(len(names))[: round(settings.repeats * len(names))]
        items = [*range(len(names)), *repeated.tolist()]
        order = min((rng.permutation(items).tolist() for _ in range(50)), key=_neighbours)
        width = max(3, len(str(len(order))))
        orders[f"set-{number}"] = {f"{n:0{width}d}": names[item] for n, item in enumerate(order, start=1)}
    return orders


def _neighbours(order: Sequence[int]) -> int:
    """How often an item follows itself."""
    return sum(first == second for first, second in itertools.pairwise(order))


def _write_sets(folder: Path, paths: Mapping[str, Path], key: Key) -> None:
    grids = _common_grids(paths, key)
    first: dict[str, Path] = {}
    for name, numbers in key.sets.items():
        for number, run in numbers.items():
            target = folder / name / number
            target.mkdir(parents=True)
            if run in first:
                _link(first[run] / VOLUME, target / VOLUME)
            else:
                _blinded(Volume.load(paths[run] / VOLUME), grids[key.runs[run].specimen]).save(target / VOLUME)
                first[run] = target
            _write_records(target)
    for path in folder.rglob("*"):
        os.utime(path, (CALENDAR, CALENDAR))


def _common_grids(paths: Mapping[str, Path], key: Key) -> dict[str, Grid]:
    """The finest grid among the runs of each specimen: a voxel size that differs would tell the settings."""
    grids: dict[str, Grid] = {}
    for name, path in paths.items():
        grid, specimen = Volume.load(path / VOLUME).grid, key.runs[name].specimen
        if specimen not in grids or grid.voxel_volume < grids[specimen].voxel_volume:
            grids[specimen] = grid
    return grids


def _blinded(volume: Volume, grid: Grid) -> Volume:
    """A volume on a common grid, moved to the centre of the world."""
    same = volume.grid.shape == grid.shape and np.allclose(volume.grid.world_from_index, grid.world_from_index)
    values = volume.values if same else resample(volume, grid).values
    return Volume(values, Grid(grid.shape, grid.spacing, grid.origin - grid.center, grid.direction))


def _write_records(folder: Path) -> None:
    """The records that make a folder a run which the panel loads, without anything about how it was made."""
    run = {
        "format": "ixgs-run",
        "version": 1,
        "ixgs": __version__,
        "case": {"name": BLINDED},
        "preset": "blinded",
        "inputs": {},
        "blinded": True,
    }
    done: dict[str, Any] = {
        "format": "ixgs-done",
        "version": 1,
        "blinded": True,
        "metrics": {},
        "durations": {},
        "outputs": {VOLUME: file_sha256(folder / VOLUME)},
    }
    for name, content in ((RUN, run), (DONE, done)):
        write_atomically(folder / name, (json.dumps(content, indent=1) + "\n").encode())


def _link(source: Path, target: Path) -> None:
    """The same file under another name, or a copy where the disk has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
