"""The content of a calibration file, parsed once for all readers."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from ...errors import FormatError
from ...parsing import read_file
from ...sniffing import TEXT, UNKNOWN, head, sniff
from ..strict_json import parse_json
from .matlab import matlab_content
from .numpy_files import numpy_array, numpy_arrays
from .opencv_storage import parse_xml, parse_yaml
from .text import decoded

Tree = Any
"""Nested dicts and lists of numbers, texts and NumPy arrays."""
_TEXT_SUFFIXES = (".txt", ".csv", ".dat", ".tsv", ".tfm")
_YAML_SUFFIXES = (".yml", ".yaml")


@dataclass(frozen=True)
class Content:
    """One calibration file.

    Its properties parse the file as the kind that they are named after, and raise FormatError for any other.
    """

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @cached_property
    def kind(self) -> str:
        """The kind as `sniff` names it; "JSON" and "YAML" also by suffix, and "JSON" for text that is JSON."""
        suffix, found = self.path.suffix.lower(), sniff(head(self.path))
        if suffix == ".json" or (found == TEXT and _is_json(self.text)):
            return "JSON"
        if suffix in _YAML_SUFFIXES and found == TEXT:
            return "YAML"
        return TEXT if suffix in _TEXT_SUFFIXES and found == UNKNOWN else found

    @cached_property
    def data(self) -> bytes:
        return read_file(self.path)

    @cached_property
    def text(self) -> str:
        return decoded(self.data)

    @cached_property
    def xml(self) -> ElementTree.Element:
        if "<!ENTITY" in self.text:
            raise FormatError(f"{self.name}: defines XML entities, which no calibration does; export it again")
        try:
            return ElementTree.fromstring(self.text)
        except ElementTree.ParseError as error:
            raise FormatError(
                f"{self.name}: incomplete XML, line {error.position[0]}; export the calibration again"
            ) from error

    @cached_property
    def tree(self) -> Tree:
        """The content of JSON, NumPy, MATLAB and OpenCV files; None for files of other kinds."""
        readers = {
            "JSON": lambda: parse_json(self.text.encode(), self.name),
            "NumPy": lambda: numpy_array(self.data, self.name),
            "ZIP": lambda: numpy_arrays(self.data, self.name),
            "MATLAB 5": lambda: matlab_content(self.data, self.name),
            "YAML": lambda: parse_yaml(self.text, self.name),
            "XML": lambda: parse_xml(self.xml, self.name) if self.xml.tag == "opencv_storage" else None,
        }
        if self.kind == "MATLAB 7.3" or self._is_matlab_4:
            version = "7.3" if self.kind == "MATLAB 7.3" else "4"
            raise FormatError(
                f"{self.name}: a MATLAB {version} file, expected version 7; save it with save(..., '-v7')"
            )
        return readers[self.kind]() if self.kind in readers else None

    @property
    def _is_matlab_4(self) -> bool:
        """MATLAB 4 begins with type, rows, columns, 0 or 1 and the length of a name; ITK's transforms use it too."""
        start = head(self.path, 64)
        if self.kind != UNKNOWN or self.path.suffix.lower() != ".mat" or len(start) < 20 or b"Transform_" in start:
            return False
        kind, _, _, is_complex, name_length = struct.unpack("<5i", start[:20])
        return 0 <= kind < 5000 and is_complex in (0, 1) and 0 < name_length < 64

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


def _is_json(text: str) -> bool:
    """Whether a text is JSON: an object or a list, but not several lists line by line."""
    start = text.lstrip()[:1]
    if start != "[":
        return start == "{"
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
