"""Signals between Python objects; qt.Signal is not for use under PythonQt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Signal:
    """Calls what is connected to it, in order."""

    def __init__(self) -> None:
        self._slots: list[Callable[..., Any]] = []

    def connect(self, slot: Callable[..., Any]) -> None:
        self._slots.append(slot)

    def emit(self, *values: Any) -> None:
        for slot in list(self._slots):
            slot(*values)
