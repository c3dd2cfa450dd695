"""The page of the walk: what it says of the panel is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "walk.md").read_text(encoding="utf-8")


def test_every_control_on_the_page_is_in_the_panel(panel, ui):
    import qt
    from IXGSPanel import pictures

    kinds = (qt.QLabel, qt.QAbstractButton)
    shown = {re.sub("<[^>]*>", "", w.text).rstrip(":") for kind in kinds for w in ui.IXGS.findChildren(kind)}
    shown |= set(re.findall(r'_\("([^"]+)"\)', Path(pictures.__file__).read_text()))
    shown |= {"Move plan with L3", "Can this volume be trusted?"}  # with the name of a level, with a verdict
    named = set(re.findall(r"\*\*([^*]+)\*\*", PAGE))
    assert len(named) > 20
    assert named - shown == set()


def test_messages_on_the_page_are_those_of_the_panel(panel):
    sources = "".join(path.read_text() for path in (ROOT / "IXGS" / "IXGSPanel").glob("*.py"))
    quoted = set(re.findall(r'"([A-Z][^"]{12,})"', PAGE))
    assert len(quoted) >= 2
    assert {text for text in quoted if text not in sources} == set()
