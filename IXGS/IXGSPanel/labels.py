"""Texts and pictures in labels, which take no room while they are empty."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from IXGSLib.errors import IXGSError
from IXGSLib.formats.fiducial_findings import FiducialFinding

from .fiducials import scaled_picture
from .wording import panel_text, sentence

PICTURE_SIDE = 164
"""Pixels along the longer side of a picture, so that two fit side by side in the narrowest panel."""


def set_text(label: Any, text: str) -> None:
    """Show a text, or hide the label if the text is empty."""
    label.text = text
    label.visible = bool(text)


class Message:
    """A text in a label that is taken back once what it is about has changed.

    basis: returns everything that the text depends on.
    """

    def __init__(self, label: Any, basis: Callable[[], Any]) -> None:
        self._label, self._basis = label, basis
        self._shown_for: Any = None
        self.show("")

    def show(self, text: str) -> None:
        """Show a text about the present state, or hide the label if the text is empty."""
        self._shown_for = self._basis() if text else None
        set_text(self._label, text)

    def refresh(self) -> None:
        """Hide a text about another state than the present one."""
        if self._shown_for is not None and self._shown_for != self._basis():
            self.show("")


def set_picture(label: Any, path: Path | None, fiducials: Sequence[FiducialFinding] = ()) -> None:
    """Show a picture file with fiducials over it, or hide the label if there is none."""
    if path is not None:
        label.setPixmap(scaled_picture(path, PICTURE_SIDE, fiducials))
    label.visible = path is not None


def message_of(error: IXGSError) -> str:
    """The message of an error of the library in the words of the panel, for a label."""
    return text_of(panel_text(str(error)))


def text_of(message: str) -> str:
    """A message in the words of the panel as a sentence for a label."""
    return escaped(sentence(message))


def escaped(text: str) -> str:
    """Plain text that Qt does not read as rich text, whether or not a text around it is rich."""
    return re.sub(r"&(?=#?\w+;)", "&amp;", text).replace("<", "&lt;")  # "A & B" is the same in both
