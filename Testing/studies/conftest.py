import json

import pytest

from IXGSLib.files import write_atomically
from IXGSLib.runs.events import Reporter
from IXGSLib.simulation import simulate, write_simulation
from IXGSLib.studies.plan import Analysis, Plan, Subject
from IXGSLib.volume.nrrd import nrrd_bytes
from Testing.simulation.phantom import GRID, hounsfield, settings
from Testing.studies.standin import Heard


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def reporter(heard):
    return Reporter(heard)


@pytest.fixture
def ct(tmp_path):
    """A CT of two bones in water."""
    write_atomically(tmp_path / "ct.nrrd", nrrd_bytes(hounsfield(), GRID))
    return tmp_path / "ct.nrrd"


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    """A case with test.json and truth.nrrd."""
    simulation = simulate((hounsfield(), GRID), settings(name="bone"))
    return write_simulation(simulation, tmp_path_factory.mktemp("studies") / "case")


@pytest.fixture
def plan(ct):
    """A plan of a CT with six runs, which a stand-in takes no time for."""
    return Plan(
        "Toy",
        (Subject("one", ct=ct),),
        settings={"tilt": 0.0},
        factors={"views": (5, 10, 20), "seed": (0, 1)},
        analysis=Analysis(curve="views"),
    )


@pytest.fixture
def tiny(simulated, tmp_path):
    """A plan in a file whose runs are real and take a moment."""
    values = {
        "cloud.gaussians": 300,
        "cloud.background_gaussians": 0,
        "schedule.steps": 10,
        "schedule.coarse_steps": 2,
        "schedule.refit_steps": 2,
    }
    lines = ['name = "Tiny"', "[[subjects]]", 'name = "bone"', f"case = {json.dumps(str(simulated))}", "[settings]"]
    lines += [f'"{name}" = {value}' for name, value in values.items()]
    path = tmp_path / "tiny.toml"
    path.write_text("\n".join([*lines, "[factors]", "seed = [0, 1]", "[small.factors]", "seed = [0]"]))
    return path
