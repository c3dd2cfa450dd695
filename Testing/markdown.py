"""Markdown pages as tests read them: their links, anchors, words and blocks of code."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README, USER_GUIDE = ROOT / "README.md", ROOT / "docs" / "user-guide.md"
ARCHITECTURE = ROOT / "ARCHITECTURE.md"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def blocks(page: Path, language: str, section: str | None = None) -> list[str]:
    """The fenced blocks of a language, of the whole page or of the section under a heading."""
    text = page.read_text(encoding="utf-8")
    if section is not None:
        marks = section.split(" ")[0]
        text = re.split(rf"^#{{1,{len(marks)}}} ", text.split(f"\n{section}\n")[1], flags=re.MULTILINE)[0]
    return [code for found, code in _FENCE.findall(text) if found == language]


def links(page: Path) -> list[str]:
    """The relative targets of a page's links and pictures, anchors included."""
    return _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them; the headings of a page differ."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def words(page: Path) -> int:
    """The words that a reader sees: links without their targets, no comments, no marks of tables."""
    text = re.sub(r"\]\([^)]*\)", "]", _COMMENT.sub("", page.read_text(encoding="utf-8")))
    return sum(any(letter.isalnum() for letter in word) for word in text.split())


def rows(page: Path, heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head; code marks are taken off."""
    section = page.read_text(encoding="utf-8").split(f"\n{heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split(" | ")] for line in lines[2:]]
