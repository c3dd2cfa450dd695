"""A simulation on disk: round trip, and folders that stay unchanged."""

import json
from pathlib import Path

import numpy as np
import pytest

from IXGSLib.errors import IXGSError
from IXGSLib.formats import load_case
from IXGSLib.simulation import simulate, write_simulation, writing
from IXGSLib.volume import Volume
from Testing.simulation.phantom import GRID, hounsfield, settings

SAMPLE = Path(__file__).resolve().parents[2] / "Resources" / "SampleCase"


@pytest.fixture(scope="module")
def simulation():
    chosen = settings(crop=True, photons=5000, name="Wirbelsäule", credit="CT: © someone, CC BY 3.0")
    return simulate((hounsfield(), GRID), chosen)


def contents(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize(("part", "file"), [("training", "case.json"), ("test", "test.json")])
def test_the_written_case_is_the_simulated_one(tmp_path, simulation, part, file):
    folder = write_simulation(simulation, tmp_path / "new" / "case")
    written, read = getattr(simulation, part), load_case(folder / file)
    assert read.warnings == ()
    assert read.name == written.name
    assert read.grid.shape == written.grid.shape
    np.testing.assert_allclose(read.grid.world_from_index, written.grid.world_from_index, atol=1e-9)
    for before, after in zip(written.xrays, read.xrays, strict=True):
        assert after.view.id == before.view.id
        assert after.view.pixel_spacing == before.view.pixel_spacing
        np.testing.assert_array_equal(after.view.projection_matrix, before.view.projection_matrix)
        np.testing.assert_array_equal(after.image, before.image)
        assert after.mask.all()


def test_truth_settings_and_credit_lie_beside_the_case(tmp_path, simulation):
    folder = write_simulation(simulation, tmp_path / "case")
    truth = Volume.load(folder / "truth.nrrd")
    np.testing.assert_array_equal(truth.values, simulation.truth.values)
    np.testing.assert_allclose(truth.grid.world_from_index, simulation.truth.grid.world_from_index, atol=1e-9)
    stated = json.loads((folder / "simulation.json").read_text(encoding="utf-8"))
    assert (stated["name"], stated["photons"], stated["arm"]["source_detector"]) == ("Wirbelsäule", 5000, 1000)
    assert (folder / "CREDIT.txt").read_text(encoding="utf-8") == "CT: © someone, CC BY 3.0\n"


def test_an_empty_folder_is_used_and_nothing_is_left_beside_it(tmp_path, simulation):
    (tmp_path / "case").mkdir()
    write_simulation(simulation, tmp_path / "case")
    assert [path.name for path in tmp_path.iterdir()] == ["case"]
    assert len(contents(tmp_path / "case" / "images")) == 9


def test_a_folder_with_something_in_it_is_left_alone(tmp_path, simulation):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(IXGSError, match="expected a new or an empty folder"):
        write_simulation(simulation, tmp_path)
    with pytest.raises(IXGSError, match="expected a new or an empty folder"):
        write_simulation(simulation, tmp_path / "notes.txt")
    assert contents(tmp_path) == ["notes.txt"]


def test_a_failure_midway_leaves_nothing(tmp_path, simulation, monkeypatch):
    def fail(case, folder, filename="case.json"):
        (folder / "half").write_text("written")
        raise IXGSError("disk full")

    monkeypatch.setattr(writing, "save_case", fail)
    with pytest.raises(IXGSError, match="disk full"):
        write_simulation(simulation, tmp_path / "case")
    assert contents(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path, simulation):
    (tmp_path / "file").write_text("")
    with pytest.raises(IXGSError, match=r"case: cannot be written .*choose"):
        write_simulation(simulation, tmp_path / "file" / "case")


def test_the_sample_case_is_whole_small_and_credited():
    training, test = load_case(SAMPLE), load_case(SAMPLE / "test.json")
    assert (len(training.views), len(test.views)) == (25, 5)
    assert training.warnings == test.warnings == ()
    truth = Volume.load(SAMPLE / "truth.nrrd")
    np.testing.assert_allclose(truth.grid.world_from_index, training.grid.world_from_index, atol=1e-9)
    assert truth.grid.shape == (128, 128, 128)
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < 8e6
    credit = (SAMPLE / "CREDIT.txt").read_text(encoding="utf-8")
    assert all(words in credit for words in ("TCGA-OV", "CC BY 3.0", "10.1007/s10278-013-9622-7", "derived"))
