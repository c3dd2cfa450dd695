"""Photograph every state of the test panel at several sizes of the font, light and dark, at 100 and at 200 percent.

Writes one picture for each, contact sheets to look at, and what is cut, too wide or too faint; the exit status is 1
where there is such a thing. Like all pictures of the test panel, none shows 3D Slicer.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
POINTS = {9: 380, 11: 400, 13: 440}
"""Sizes of the font, and the width that the panel may want at each."""
SCALES = (1, 2)
THEMES = ("light", "dark")
COLUMNS = 4
"""Pictures beside each other on a contact sheet."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go; what they show is kept in its folder inputs")
    parser.add_argument("--states", nargs="*", default=[], help="only these, with what comes before them")
    parser.add_argument("--scale", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from Testing.panel.states import Inputs

    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    inputs = Inputs(options.folder / "inputs")
    if options.scale is not None:
        return _photograph(options.folder, inputs, options.scale, options.states)
    inputs.prepare()
    failed = 0
    for scale in SCALES:  # which a process takes at its start
        environment = {**os.environ, "QT_SCALE_FACTOR": str(scale)}
        words = [sys.executable, __file__, str(options.folder), "--scale", str(scale)]
        words += ["--states", *options.states] if options.states else []
        failed |= subprocess.run(words, env=environment, check=False).returncode
    write_sheets(options.folder)
    return failed


def _photograph(folder: Path, inputs: Any, scale: int, wanted: Sequence[str]) -> int:
    """All pictures of one scale; returns 1 if something is wrong with one of them."""
    from Testing.panel.harness import application

    installed = application.install()
    from Testing.panel.harness.window import PanelWindow
    from Testing.panel.layout import cut_texts, faint_texts
    from Testing.panel.states import States

    window = PanelWindow()
    window.show()
    wrong = 0
    for number, (name, bring_about) in enumerate(States(window, application.wait, inputs).all().items()):
        bring_about()
        for theme in THEMES if not wanted or name in wanted else ():
            for points, width in POINTS.items():
                set_look(theme, points)
                window.picture(folder / f"{scale}00" / theme / str(points) / f"{number:02d}_{name}.png", width)
                faults = [f"cut: {text}" for text in cut_texts(window.content)]
                faults += [f"faint: {text}" for text in faint_texts(window.content)]
                needed = window.content.minimumSizeHint().width()
                faults += [f"{needed} px wide, at most {width}"] if needed > width else []
                for fault in faults:
                    print(f"{name}, {points} pt, {theme}, {scale}00%: {fault}", flush=True)
                wrong |= bool(faults)
    window.dispose()
    application.remove(installed)
    return wrong


def set_look(theme: str, points: int) -> None:
    """Use a font of a size, and Qt's light palette or the dark one of Slicer's dark style."""
    from PySide6 import QtGui, QtWidgets

    instance = QtWidgets.QApplication.instance()
    font = instance.font()
    font.setPointSize(points)
    instance.setFont(font)
    palette = QtGui.QPalette()
    if theme == "dark":
        roles, groups = QtGui.QPalette.ColorRole, QtGui.QPalette.ColorGroup
        colors = {
            **dict.fromkeys((roles.Window, roles.Button), "#353535"),
            **dict.fromkeys((roles.Base, roles.ToolTipBase), "#2a2a2a"),
            **dict.fromkeys((roles.WindowText, roles.Text, roles.ButtonText, roles.ToolTipText), "#ffffff"),
            roles.AlternateBase: "#424242",
            roles.Highlight: "#2a82da",
            roles.HighlightedText: "#ffffff",
            roles.PlaceholderText: "#a0a0a0",
            roles.Link: "#7db8e0",
        }
        for role, color in colors.items():
            palette.setColor(role, QtGui.QColor(color))
        for role in (roles.WindowText, roles.Text, roles.ButtonText):
            palette.setColor(groups.Disabled, role, QtGui.QColor("#8c8c8c"))
    instance.setPalette(palette)


def write_sheets(folder: Path) -> list[Path]:
    """Contact sheets of all pictures of one look; returns their files."""
    from PIL import Image

    written = []
    for look in sorted(path for path in folder.glob("[12]00/*/*") if path.is_dir()):
        pictures = [Image.open(path).convert("RGB") for path in sorted(look.glob("*.png"))]
        for first in range(0, len(pictures), COLUMNS):
            part = pictures[first : first + COLUMNS]
            sheet = Image.new("RGB", (sum(each.width for each in part), max(each.height for each in part)), "#808080")
            for n, each in enumerate(part):
                sheet.paste(each, (sum(other.width for other in part[:n]), 0))
            written.append(folder / "sheets" / f"{'_'.join(look.parts[-3:])}_{first // COLUMNS}.png")
            written[-1].parent.mkdir(exist_ok=True)
            sheet.save(written[-1])
    return written


if __name__ == "__main__":
    sys.exit(main())
