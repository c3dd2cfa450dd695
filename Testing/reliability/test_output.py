"""What is printed: control characters, letters that no font has, an output that is full."""

import io
import os
from types import SimpleNamespace

import pytest

from Testing.reliability.processes import finished, posix, start

STEERING = "a\x1b]0;T\x07\x1b[1A\x1b[2Kall is well\x9b2J\u202e"
"""A name that steers a terminal: its title, its cursor, its contents and the direction of writing."""


def assert_harmless(text):
    assert "\\x1b[1A" in text
    assert not any(letter in text for letter in "\x1b\x07\x9b\u202e")


@pytest.fixture
def steering(case, edit):
    """A case whose keys and names steer a terminal."""

    def spoil(data):
        data["name"], data["views"][3]["id"], data[STEERING] = STEERING, f"3{STEERING}", 1

    edit(spoil)
    return case


@posix
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, ("check", "CASE", "--out", f"{STEERING}.png")),
        (0, ("convert", "CASE", "--to", "rtk", "--out", f"{STEERING}.xml")),
        (2, ("check", "CASE", "--out", "c.jpeg", "--debug", "--leave-out", STEERING)),
        (2, ("check", STEERING, "--debug")),
        (2, ("check", "CASE", f"--{STEERING}")),
        (2, ("reconstruct", "CASE", "--preset", STEERING)),
        (2, (STEERING,)),
    ],
)
def test_control_characters_do_not_reach_the_terminal(steering, tmp_path, monkeypatch, code, words):
    monkeypatch.chdir(tmp_path)
    words = [str(steering) if word == "CASE" else word for word in words]
    found, out, err = finished(start(*words))
    assert found == code, err
    assert_harmless(out + err)


def test_control_characters_do_not_reach_the_terminal_in_tables():
    from rich.console import Console

    from IXGSLib.cli import calibrate, refine

    names = ("before", "after", "rotation", "shift", "beam", "spread", "rotation_sd", "shift_sd", "beam_sd")
    numbers = dict.fromkeys(names, 1.0)
    refined = SimpleNamespace(views=[SimpleNamespace(id=STEERING, state="kept", **numbers)])
    calibrated = SimpleNamespace(findings=[SimpleNamespace(id=STEERING, fiducials=(), state="no fiducials")])
    for table in (refine.table(refined), calibrate.table(calibrated)):
        console = Console(width=200, file=io.StringIO())
        console.print(table)
        assert_harmless(console.file.getvalue())


@posix
def test_names_that_no_font_can_draw_are_no_warning(case, edit, tmp_path):
    edit(lambda data: data["views"][3].update(id="骨盆"))
    code, _, err = finished(start("check", case, "--out", tmp_path / "c.png"))
    assert code == 0
    assert "Glyph" not in err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_standard_output_that_is_full(case, tmp_path):
    with open("/dev/full", "w") as full:
        code, _, err = finished(start("check", case, "--out", tmp_path / "c.png", output=full))
    assert code == 2, err
    assert "standard output cannot be written" in err
    assert "Traceback" not in err
