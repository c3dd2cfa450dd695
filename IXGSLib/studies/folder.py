"""The folder of a study: what is written where, and one record for each finished run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import FormatError, IXGSError
from ..files import check_writable, write_atomically
from ..formats.strict_json import read_json
from ..runs.events import finite
from ..runs.lock import Lock

STUDY, LOCK = "study.json", "study.lock"
RECORDS, RUNS, CASES, LOCKS = "records", "runs", "cases", "locks"
VERSION = 1
Record = dict[str, Any]
"""A finished run: what it was and what came of it; `Records` lists the keys."""


class Records:
    """The records of finished runs in the folder of a study, one file each.

    Keys: id, subject, patient, inputs, condition, c_arm, weights, ixgs, status ("done" or "failed"), reason, metrics,
    trust (verdict, reasons and signs of `evaluation.trust`), durations (seconds), warnings, notices, seconds.
    """

    def __init__(self, study: Path) -> None:
        self.folder = study / RECORDS

    def path(self, id: str) -> Path:
        return self.folder / f"{id}.json"

    def ids(self) -> set[str]:
        """The ids of all finished runs."""
        with os.scandir(self.folder) as files:
            return {file.name[:-5] for file in files if file.name.endswith(".json") and not file.name.startswith(".")}

    def write(self, record: Record) -> None:
        """Write a record, which appears with its whole content at once."""
        content = json.dumps({"format": "ixgs-study-run", "version": VERSION, **finite(record)}, ensure_ascii=False)
        write_atomically(self.path(record["id"]), content.encode())

    def read(self, id: str) -> Record:
        """The record of a run; raises FormatError for a file that is none."""
        record = read_json(self.path(id))
        if not isinstance(record, dict) or record.get("format") != "ixgs-study-run" or record.get("id") != id:
            raise FormatError(f"{self.path(id)}: not the record of run {id}; delete the file to compute the run again")
        if record.get("version") != VERSION:
            raise FormatError(f"{self.path(id)}: version {record.get('version')}, expected {VERSION}; update IXGS")
        return record


class StudyFolder:
    """The folder of one study, for one client at a time.

    As a context manager it creates the folder or continues the study in it, and locks it.
    Raises IXGSError for a folder that holds something else, that another client works in, or that cannot be written.
    """

    def __init__(self, path: Path, study: dict[str, Any]) -> None:
        self.path = path.absolute()
        self.study = {"format": "ixgs-study", "version": VERSION, **study}
        self.records = Records(self.path)
        self.lock = Lock(self.path / LOCK)

    def __enter__(self) -> StudyFolder:
        check_writable(self.path)
        self._check()
        try:
            for name in (RECORDS, RUNS, CASES, LOCKS):
                (self.path / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise IXGSError(f"{self.path}: cannot be written ({error.strerror}); choose another --out") from error
        self.lock.acquire()
        text = json.dumps(self.study, indent=1, ensure_ascii=False, default=str)
        write_atomically(self.path / STUDY, text.encode())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.lock.release()

    def _check(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise IXGSError(f"{self.path}: is a file, expected a folder; choose another --out")
        file = self.path / STUDY
        if not file.is_file():
            if self.path.is_dir() and any(each.name not in (RECORDS, RUNS, CASES, LOCKS) for each in self._others()):
                raise IXGSError(f"{self.path}: holds other files, expected a new or empty folder; choose another --out")
            return
        found = read_json(file)
        if not isinstance(found, dict) or found.get("format") != "ixgs-study":
            raise IXGSError(f"{file}: not written by IXGS, expected a study; choose another --out")
        if found.get("version") != VERSION:
            raise IXGSError(f"{file}: version {found.get('version')}, expected {VERSION}; update IXGS")
        if found.get("name") != self.study["name"]:
            raise IXGSError(
                f"{self.path}: holds the study '{found.get('name')}', this is '{self.study['name']}'; choose another "
                "--out"
            )

    def _others(self) -> list[Path]:
        """The files of the folder, without locks and what interrupted writes left."""
        return [each for each in self.path.iterdir() if each.name != LOCK and not each.name.endswith(".tmp")]
