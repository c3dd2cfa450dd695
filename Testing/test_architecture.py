"""ARCHITECTURE.md matches the code: its rooms, its arrows and its files."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from Testing.markdown import ARCHITECTURE, ROOT, rows

LIBRARY = ROOT / "IXGSLib"
ROOMS = sorted(path.parent.name for path in LIBRARY.glob("*/__init__.py"))
WRITTEN = {"poses.json", "run.json", "done.json", "progress.jsonl", "case.json", "standardized/"}
WRITTEN |= {"study.json", "study.html", "results.csv", "records/", "runs/", "cases/"}
"""Files that a run, a study or a user writes."""


def rooms():
    """By room: the rooms that it may import."""
    return {room: set(re.findall(r"\w+", may)) for room, _, may in rows(ARCHITECTURE, "## The rooms")}


def exceptions():
    """(room, room) of the arrows that stand with their reason."""
    section = ARCHITECTURE.read_text(encoding="utf-8").split("\n## The arrows\n")[1].split("\n## ")[0]
    return set(re.findall(r"^- (\w+) -> (\w+): \S", section, re.MULTILINE))


def imported(file: Path) -> set[str]:
    """The rooms and modules of IXGSLib that a module of it imports, under type checking too."""
    found = set()
    package = file.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            target = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
            names = [target[1]] if target[1:] != [""] else [alias.name for alias in node.names]
            found |= set(names)
    return found


def arrows():
    """(room, room) of every import between two rooms."""
    files = [(room, file) for room in ROOMS for file in (LIBRARY / room).rglob("*.py")]
    return {(room, other) for room, file in files for other in imported(file) & set(ROOMS) - {room}}


def test_every_folder_of_the_library_has_a_row():
    assert set(ROOMS) <= set(rooms())


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_what_its_row_allows(room):
    allowed = {(room, other) for other in rooms()[room]} | exceptions()
    assert {arrow for arrow in arrows() if arrow[0] == room} <= allowed


def test_an_exception_is_needed():
    assert exceptions() <= arrows()


def test_nothing_imports_upwards():
    """Rooms can be put in an order in which each imports earlier ones only."""
    left = {room: found - {room} for room, found in rooms().items()}
    while left:
        free = [room for room, found in left.items() if not found & set(left)]
        assert free, f"these import each other: {', '.join(sorted(left))}"
        for room in free:
            del left[room]


def test_every_file_that_is_named_exists():
    """Paths in code marks, from the root, from IXGSLib or from the panel."""
    text = ARCHITECTURE.read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w./-]+(?:\.(?:py|md|json|ui|txt|csv|sh|toml)|/))`", text))
    places = (ROOT, LIBRARY, ROOT / "IXGS" / "IXGSPanel")
    missing = {path for path in named - WRITTEN if not any((place / path).exists() for place in places)}
    assert named
    assert not missing


def test_enough_behaviours_are_pointed_to():
    assert len(rows(ARCHITECTURE, "## Where is ...?")) >= 25
