"""Messages of the library in the words of the panel: every one that can reach it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "IXGSLib"
ELSEWHERE = (
    *("studies", "training", "prior", "cli", "evaluation/tasks", "calibration/fiducials", "jobs"),
    *(
        "evaluation/reference.py",
        "evaluation/page.py",
        "evaluation/report.py",
        "formats/calibrations/writing.py",
        "calibration/examination.py",
    ),
)
"""What the panel does not run, the words of the jobs' own options, style sheets, and the last line of `ixgs check`."""
BRITISH = re.compile(
    r"\w*(?:[a-z]{3}isation|[a-z]{4}ising\b|[a-z]{3}(?<!other)(?<!no)(?<!ra)(?<!prec)(?<!prom)ise[ds]?\b|grey|centre|"
    r"colour|(?<!para)metres?\b|licence|labelled|modelled|cancelled|neighbour|behaviour|artefact|learnt)\w*",
    re.IGNORECASE,
)
NEVER_GIVEN = "views|truth"
OPTION, COMMAND = re.compile(rf"(?<![\w-])--(?!(?:{NEVER_GIVEN})\b)[a-z]"), re.compile(r"`ixgs|ixgs (?!train)[a-z]+\b")


@pytest.fixture
def wording(harness):
    from .harness.window import load_module

    load_module()
    from IXGSPanel import wording

    return wording


@pytest.fixture
def panel_text(wording):
    return wording.panel_text


def literal(node):
    """A string with samples in place of what is formatted; empty for other expressions."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join("7" if isinstance(part, ast.FormattedValue) else literal(part) for part in node.values)


def sentences():
    """(place, text) of every literal of the library with more than one word, without docstrings."""
    for path in sorted(LIBRARY.rglob("*.py")):
        if path.relative_to(LIBRARY).as_posix().startswith(ELSEWHERE):
            continue
        tree, known = ast.parse(path.read_text()), set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Expr):
                known |= {id(each) for each in ast.walk(node.value) if isinstance(node.value, ast.Constant)}
            if id(node) in known or not isinstance(node, (ast.Constant, ast.JoinedStr)):
                continue
            known |= {id(each) for each in ast.walk(node)}
            if " " in literal(node).strip():
                yield f"{path.relative_to(ROOT)}:{node.lineno}", literal(node)


def test_no_message_names_an_option_or_a_command(panel_text):
    found = list(sentences())
    assert sum(bool(OPTION.search(text)) for _, text in found) > 30  # the search finds them
    left = [(place, panel_text(text)) for place, text in found]
    assert [(place, text) for place, text in left if OPTION.search(text) or COMMAND.search(text)] == []


def test_every_message_is_in_us_english(panel_text):
    found = list(sentences())
    assert sum(bool(BRITISH.search(text)) for _, text in found) > 20
    left = [(place, panel_text(text)) for place, text in found]
    assert [(place, BRITISH.findall(text)) for place, text in left if BRITISH.search(text)] == []


def test_every_control_that_is_named_is_in_the_form(panel, ui):
    import qt
    from IXGSPanel.wording import controls, cures

    shown = {w.text.rstrip(":") for kind in (qt.QLabel, qt.QCheckBox) for w in ui.IXGS.findChildren(kind)}
    shown |= {"Advanced settings", "Selected view", "Unticked views"}
    assert set(controls().values()) <= shown
    numbers = {number for _, text in cures() for number in re.findall(r"section (\d)", text)}
    assert numbers <= {"1", "2", "3", "4"}


def test_every_option_that_the_panel_gives_has_a_control(wording):
    given = set()
    for source in (ROOT / "IXGS" / "IXGSPanel").glob("*.py"):
        if source.name != "wording.py":
            given |= set(re.findall(r'"--([a-z][\w.-]*\w)"', source.read_text()))
    assert given - {"json", "stop-on-eof", "case", "reading"} <= set(wording.controls())


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "view '001' shows nothing: its image is constant. Export it again, or leave it out with --leave-out 001.",
            "view '001' shows nothing: its image is constant. Export it again, or untick it in section 1.",
        ),
        (
            "geometry.xml: the source is 0.6 mm from the region. Give --unit m with --calibration or, in case.json, "
            "multiply all lengths by 1000.",
            "geometry.xml: the source is 0.6 mm from the region. Choose m as Unit of length in section 1 or, in "
            "case.json, multiply all lengths by 1000.",
        ),
        (
            "a.txt: can be read in 2 ways; say which with --calibration-format rtk (RTK geometry (XML)) or "
            "--calibration-format astra (ASTRA vectors)",
            "a.txt: can be read in 2 ways; choose its Format in section 1: RTK geometry (XML) or ASTRA vectors",
        ),
        (
            "the poses come from DICOM tags: try --tag-conventions room-angles or --tag-conventions rotated-180 before "
            "you change the images.",
            "the poses come from DICOM tags: try Tag conventions in section 1: room-angles or rotated-180 before you "
            "change the images.",
        ),
        ("--tag-conventions sheep: unknown, expected one", "Tag conventions sheep: unknown, expected one"),
        ("x.dcm: no pose; give the poses with --calibration FILE", "x.dcm: no pose; choose a Calibration in section 1"),
        ("schedule.coarse_steps is 9, expected at most 5", "Coarse steps is 9, expected at most 5"),
        ("a truth needs --truth", "a truth needs --truth"),
        ("an error of tyro with --max-edge-distance", "an error of tyro with Maximum edge distance"),
        ("export the raw X-ray in grey", "export the raw X-ray in gray"),
        ("Grey values of millimetres, parameters noise raised", "Gray values of millimeters, parameters noise raised"),
    ],
)
def test_messages_are_sentences(panel_text, message, expected):
    assert panel_text(message) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("the process ended with code 7", "The process ended with code 7."),
        ("view '001' shows nothing", "View '001' shows nothing."),
        ("geometry.xml: damaged", "geometry.xml: damaged."),
        ("spine: a folder without case.json.", "spine: a folder without case.json."),
        ("", ""),
    ],
)
def test_a_message_after_another_sentence_is_one(wording, message, expected):
    assert wording.sentence(message) == expected


@pytest.mark.parametrize(
    "message",
    [
        "grey.png: no such file",
        "Patient centre: a folder without a case",
        "no such file: /data/colour/centre.nrrd",
        r"no such file: C:\grey\centre.nrrd",
        "view 'grey' and view 'centre-2' differ",
        "standardised-xrays is missing",
        "max_scale.nrrd: not a volume",
        "steps and seed of 'schedule.coarse_steps'",
    ],
)
def test_names_of_files_and_views_are_not_respelled(panel_text, message):
    assert panel_text(message) == message
