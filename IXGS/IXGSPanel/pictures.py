"""Words and pictures in labels, which take no room while there is nothing to say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt

SIDE = 176
"""Pixels along the longer side of a picture, so that two fit side by side."""


def say(label: Any, text: str) -> None:
    """Show a text, or hide the label when there is none."""
    label.text = text
    label.visible = bool(text)


def show(label: Any, path: Path | None) -> None:
    """Show a picture file, or hide the label when there is none."""
    if path is not None:
        picture = qt.QPixmap(str(path))
        label.setPixmap(picture.scaled(SIDE, SIDE, qt.Qt.KeepAspectRatio, qt.Qt.SmoothTransformation))
    label.visible = path is not None


def escaped(text: str) -> str:
    """Text without meaning for Qt's rich text."""
    return text.replace("&", "&amp;").replace("<", "&lt;")
