import pytest

from IXGSLib.simulation import simulate, write_simulation
from Testing.simulation.phantom import GRID, hounsfield, settings


@pytest.fixture(scope="session")
def case_folder(tmp_path_factory):
    """A case with the X-rays of a small bone."""
    simulation = simulate((hounsfield(), GRID), settings(name="bone", credit="Drawn by hand."))
    return write_simulation(simulation, tmp_path_factory.mktemp("jobs") / "case")
