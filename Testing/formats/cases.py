"""A small case, and changes of its JSON."""

import json
from dataclasses import replace

import numpy as np

from IXGSLib.formats import Case, load_case
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm, arc, trajectory
from IXGSLib.xray import XRay

ARM = CArm(detector_pixels=(40, 30), detector_size=240)
CENTER = np.array([5.0, -20.0, 300.0])


def noise(n):
    return np.random.default_rng(n).uniform(0.1, 5, (30, 40)).astype(np.float32)


def views():
    return trajectory(ARM, arc(3, 120, 15), CENTER)


def a_case(masked=False):
    xrays = [XRay(view, noise(n), np.ones((30, 40), bool)) for n, view in enumerate(views())]
    if masked:
        mask = np.ones((30, 40), bool)
        mask[:5] = False
        xrays[1] = replace(xrays[1], image=np.where(mask, xrays[1].image, 0), mask=mask)
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
    return Case(tuple(xrays), Grid.centered(CENTER, (60, 50, 40), 2.0, turn), "Würfel")


def edit(folder, change, check=True):
    """Change the JSON of a case and load it."""
    file = folder / "case.json"
    data = json.loads(file.read_text(encoding="utf-8"))
    change(data)
    file.write_text(json.dumps(data), encoding="utf-8")
    return load_case(folder, check)


def in_view(number, **values):
    """A change of one view; None takes the key away."""

    def change(data):
        for key, value in values.items():
            data["views"][number][key] = value
            if value is None:
                del data["views"][number][key]

    return change


def in_case(**values):
    def change(data):
        for key, value in values.items():
            data[key] = value
            if value is None:
                del data[key]

    return change
