"""The pages that the benchmarks write into, each a part between two marks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
BENCHMARKS = ROOT / "docs" / "benchmarks.md"
REAL_XRAYS = ROOT / "docs" / "real-xrays.md"


@dataclass(frozen=True)
class Part:
    """The part of a Markdown page between two HTML comments, which a script writes and a person leaves alone.

    script: its path from the root of the repository.
    """

    page: Path
    name: str
    script: str

    @property
    def marks(self) -> tuple[str, str]:
        return f"<!-- begin {self.name}: written by {self.script} -->", f"<!-- end {self.name} -->"

    def read(self) -> str:
        """The text between the marks, without the line breaks around it."""
        return self._split()[1].strip()

    def write(self, text: str) -> None:
        """Replace the text between the marks; nothing else on the page changes."""
        before, _, after = self._split()
        begin, end = self.marks
        self.page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")

    def _split(self) -> tuple[str, str, str]:
        """The page before, between and after the marks; raises ValueError when it does not have each of them once."""
        text, (begin, end) = self.page.read_text(encoding="utf-8"), self.marks
        if text.count(begin) != 1 or text.count(end) != 1 or text.index(end) < text.index(begin):
            raise ValueError(f'{self.page}: expected "{begin}" and then "{end}", each of them once')
        before, rest = text.split(begin)
        inside, after = rest.split(end)
        return before, inside, after
