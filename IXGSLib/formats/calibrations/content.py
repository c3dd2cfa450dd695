"""The content of a calibration file, parsed once for all formats."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zipfile import BadZipFile

import numpy as np

from ...errors import FormatError
from ...xray.sniffing import TEXT, UNKNOWN, head, sniff
from ..strict_json import parse_json
from .opencv_storage import parse_xml, parse_yaml
from .text import decoded

Tree = Any
"""Nested dicts and lists of numbers, texts and NumPy arrays."""
_TEXT_SUFFIXES = (".txt", ".csv", ".dat", ".tsv", ".tfm")


@dataclass(frozen=True)
class Content:
    """One calibration file.

    Its properties parse the file as the kind that they are named after and raise FormatError for a damaged file.
    """

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @cached_property
    def kind(self) -> str:
        """The result of `sniff`, or "JSON" for text that begins with a bracket or has the suffix .json."""
        suffix, found = self.path.suffix.lower(), sniff(head(self.path))
        if suffix == ".json" or (found == TEXT and self.text.lstrip()[:1] in ("{", "[")):
            return "JSON"
        return TEXT if suffix in _TEXT_SUFFIXES and found == UNKNOWN else found

    @cached_property
    def data(self) -> bytes:
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise FormatError(f"{self.name}: cannot be opened ({error.strerror}); check the path") from error

    @cached_property
    def text(self) -> str:
        return decoded(self.data)

    @cached_property
    def xml(self) -> ElementTree.Element:
        if b"<!ENTITY" in self.data:
            raise FormatError(f"{self.name}: defines XML entities, which no calibration does; export it again")
        try:
            return ElementTree.fromstring(self.data)
        except ElementTree.ParseError as error:
            raise FormatError(
                f"{self.name}: incomplete XML, line {error.position[0]}; export the calibration again"
            ) from error

    @cached_property
    def tree(self) -> Tree:
        """The content of JSON, NumPy, MATLAB and OpenCV files; None for files of other kinds."""
        readers = {
            "JSON": lambda: parse_json(self.text.encode(), self.name),
            "NumPy": lambda: _numpy(self.path),
            "ZIP": lambda: _npz(self.path),
            "MATLAB 5": lambda: _matlab(self.path),
            "YAML": lambda: parse_yaml(self.text, self.name),
            "XML": lambda: parse_xml(self.xml, self.name) if self.xml.tag == "opencv_storage" else None,
        }
        if self.kind == "MATLAB 7.3":
            raise FormatError(f"{self.name}: a MATLAB 7.3 file, expected version 7; save it with save(..., '-v7')")
        return readers[self.kind]() if self.kind in readers else None

    @property
    def from_matlab(self) -> bool:
        return self.kind == "MATLAB 5"

    @cached_property
    def array(self) -> np.ndarray | None:
        """The numbers of a file that holds one array and nothing else, float64; None for other files."""
        tree = self.tree
        if isinstance(tree, dict) and len(tree) == 1 and self.kind != "JSON":
            tree = next(iter(tree.values()))
        if not isinstance(tree, (np.ndarray, list)):
            return None
        try:
            array = np.asarray(tree)
        except ValueError:
            return None
        return array.astype(np.float64) if array.dtype.kind in "iuf" else None


def _numpy(path: Path) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise FormatError(
            f"{path.name}: no NumPy array of numbers, or truncated; save the numbers again with numpy.save"
        ) from error
    if array.dtype.kind not in "iuf":
        raise FormatError(f"{path.name}: does not hold numbers; save them with numpy.save")
    return array


def _npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except (ValueError, EOFError, OSError, BadZipFile) as error:
        raise FormatError(
            f"{path.name}: a ZIP file without NumPy arrays of numbers, or truncated; save them with numpy.savez"
        ) from error


def _matlab(path: Path) -> dict[str, Any]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about MATLAB objects, which are not read
            content = loadmat(path, simplify_cells=True)
    except (MatReadError, ValueError, OSError, TypeError, NotImplementedError) as error:
        raise FormatError(f"{path.name}: a MATLAB file that cannot be read ({error}); save it with -v7") from error
    return {key: value for key, value in content.items() if not key.startswith("__")}
