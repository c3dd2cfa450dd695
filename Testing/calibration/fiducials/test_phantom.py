"""Phantoms: files of every kind give the same positions, and arrangements that cannot calibrate are refused."""

import json

import numpy as np
import pytest

from IXGSLib.calibration.fiducials import Phantom, load_phantom
from IXGSLib.calibration.fiducials.phantom_files import PRESETS
from IXGSLib.errors import FormatError, GeometryError

PLACES = load_phantom("plate").positions[:8]
RAS = PLACES * (-1, -1, 1)


def table(separator=",", labels=False, diameters=False, head=""):
    lines = [head] if head else []
    for n, place in enumerate(PLACES):
        cells = [f"ball{n}"] if labels else []
        cells += [repr(float(x)) for x in place] + (["3"] if diameters else [])
        lines.append(separator.join(cells))
    return "\n".join(lines) + "\n"


def markups(system, places, **more):
    points = [{"label": f"F-{n}", "position": p, "positionStatus": "defined"} for n, p in enumerate(places.tolist())]
    return json.dumps({"markups": [{"type": "Fiducial", "coordinateSystem": system, "controlPoints": points, **more}]})


def fcsv(system, places):
    rows = [f"id{n},{x},{y},{z},0,0,0,1,1,1,0,F-{n},," for n, (x, y, z) in enumerate(places.tolist())]
    head = ["# Markups fiducial file version = 4.11", f"# CoordinateSystem = {system}", "# columns = id,x,y,z,ow"]
    return "\n".join([*head, *rows])


FILES = {
    "plain.csv": table(),
    "blanks.txt": table(" "),
    "labelled.csv": table(labels=True, head="label,x,y,z"),
    "diameters.csv": table(labels=True, diameters=True),
    "numbered.csv": "\n".join(f"{n + 1},{','.join(map(str, p))}" for n, p in enumerate(PLACES.tolist())),
    "list.json": json.dumps(PLACES.tolist()),
    "object.json": json.dumps({"fiducials": [{"position": p} for p in PLACES.tolist()], "diameter_mm": 3}),
    "ras.json": json.dumps({"frame": "RAS", "fiducials": RAS.tolist()}),
    "cm.json": json.dumps({"unit": "cm", "fiducials": (PLACES / 10).tolist()}),
    "lps.mrk.json": markups("LPS", PLACES),
    "ras.mrk.json": markups("RAS", RAS, coordinateUnits="mm"),
    "ras.fcsv": fcsv("RAS", RAS),
    "zero.fcsv": fcsv("0", RAS),
    "lps.fcsv": fcsv("LPS", PLACES),
}


@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_same_positions(tmp_path, name):
    (tmp_path / name).write_text(FILES[name])
    phantom = load_phantom(tmp_path / name)
    np.testing.assert_allclose(phantom.positions, PLACES)
    assert len(set(phantom.labels)) == len(PLACES)
    if name in ("diameters.csv", "object.json"):
        np.testing.assert_array_equal(phantom.diameters, 3)
    else:
        assert phantom.diameters is None


def test_a_unit_converts_positions_and_diameters(tmp_path):
    rows = [f"{x / 25.4},{y / 25.4},{z / 25.4},{3 / 25.4}" for x, y, z in PLACES.tolist()]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    phantom = load_phantom(tmp_path / "a.csv", "in")
    np.testing.assert_allclose(phantom.positions, PLACES)
    np.testing.assert_allclose(phantom.diameters, 3)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "1 2\n3 4\n", "2 numbers in a row; expected a row for each fiducial"),
        ("a.csv", "", "no numbers"),
        ("a.json", "{}", 'no "fiducials"'),
        ("a.json", '{"fiducials": [{"x": 1}]}', 'fiducial 1 has no "position"'),
        ("a.json", '{"fiducials": [[1, 2]]}', "fiducial 1 has shape"),
        ("a.json", '{"unit": "furlong", "fiducials": []}', "the unit is 'furlong'"),
        ("a.json", '{"frame": "XYZ", "fiducials": []}', 'expected "LPS" or "RAS"'),
        ("a.mrk.json", '{"markups": []}', "0 lists of control points"),
        ("a.fcsv", "id,x,y,z\n", "line 1 has no position"),
    ],
)
def test_files_without_a_phantom_are_refused(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(FormatError, match=message):
        load_phantom(tmp_path / name)


def test_a_name_that_is_no_file_lists_the_presets():
    with pytest.raises(FormatError, match="presets plate, helix, lines"):
        load_phantom("nowhere.csv")
    with pytest.raises(FormatError, match="a preset is in mm"):
        load_phantom("plate", "cm")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_differ_from_their_mirror_image_and_from_themselves_when_turned(name):
    phantom = load_phantom(name)
    assert phantom.chiral
    assert not phantom.coplanar
    assert len(phantom) >= 12
    assert phantom.diameter_range is not None


def test_lines_of_four_are_found_in_their_order():
    assert load_phantom("lines").lines == ((0, 1, 2, 3), (4, 5, 6, 7), (8, 9, 10, 11))
    assert load_phantom("plate").lines == ()


REFUSED = {
    "fewer than six": (PLACES[:5], "5 fiducials, expected at least 6"),
    "on a line": (np.arange(8)[:, None] ** 1.5 * (3.0, 5.0, 7.0), "lie on a line"),
    "twice": (PLACES[[0, 1, 2, 3, 4, 5, 5]], "fiducials 6 and 7 have one position"),
    "too near": (np.concatenate([PLACES, PLACES[:1] + 0.2]), "fiducials 1 and 9 are 0.35 mm apart"),
    "in metres": (PLACES / 1000, "state the unit of their positions: --unit m"),
    "in centimetres, small": (PLACES / 10 / 2, "state the unit of their positions: --unit cm or --unit in"),
    "square": (np.array([(x, y, 0.0) for x in (0, 30, 60) for y in (0, 30, 60)]), "a rotation maps the fiducials"),
    "in pairs": (np.concatenate([PLACES, PLACES * (-1, -1, 1)]), "a rotation maps the fiducials"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_arrangements_that_cannot_calibrate_are_refused_by_name(name):
    positions, message = REFUSED[name]
    with pytest.raises(GeometryError, match=message):
        Phantom(positions)


def test_different_diameters_break_a_symmetry():
    positions = np.array([(x, y, 0.0) for x in (0, 30, 60) for y in (0, 30, 60)])
    diameters = np.full(9, 3.0)
    diameters[[0, 1]] = 5
    assert len(Phantom(positions, diameters=diameters)) == 9


def test_a_flat_phantom_is_its_own_mirror_image():
    flat = Phantom(PLACES * (1, 1, 0) + (0, 0, 5))
    assert flat.coplanar
    assert not flat.chiral
