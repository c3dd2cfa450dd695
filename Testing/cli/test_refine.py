"""`ixgs refine`, and `ixgs reconstruct --refine-poses`, as a user types them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from IXGSLib.cli.program import DONE, WRONG_INPUT, main
from IXGSLib.formats import load_case, save_case
from IXGSLib.formats.geometry_json import view_from_json
from IXGSLib.geometry.twists import poses
from Testing.calibration import phantom
from Testing.calibration.test_refinement import perturbed, projection_errors

QUICK = {
    "cloud": {"gaussians": 1500, "background_gaussians": 300, "max_gaussians": 1800},
    "schedule": {"steps": 60, "coarse_steps": 20, "refit_steps": 20},
}
EXPECTED = ("--refinement.rotation-error", "1.5", "--refinement.shift-error", "4", "--refinement.starts", "2")

ALONE = [word.replace("refinement.", "") for word in EXPECTED]


@pytest.fixture(scope="module")
def true():
    return phantom.case(phantom.views())


@pytest.fixture(scope="module")
def folder(true, tmp_path_factory):
    """A case on disk with wrong poses."""
    path = tmp_path_factory.mktemp("off") / "case"
    save_case(perturbed(true), path)
    return path


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    """The folder of a quick reconstruction with refined poses."""
    out, settings = tmp_path_factory.mktemp("run") / "run", folder.parent / "quick.json"
    settings.write_text(json.dumps(QUICK))
    words = ["reconstruct", folder, "--out", out, "--settings", settings, "--refine-poses", *EXPECTED]
    assert main([str(word) for word in words]) == DONE
    return out


def errors(views, true):
    return projection_errors(views, true.views, true.grid.center).mean()


class TestRefine:
    def test_a_case_with_better_poses_is_written(self, true, folder, tmp_path, capsys):
        before = (folder / "case.json").read_bytes()
        assert main(["refine", str(folder), "--out", str(tmp_path / "new"), "--preset", "preview", *ALONE]) == DONE
        case = load_case(tmp_path / "new")
        assert errors(case.views, true) < 0.7
        assert errors(load_case(folder).views, true) > 2
        assert set(case.provenance.values()) == {"refined"}
        assert (folder / "case.json").read_bytes() == before
        record = json.loads((tmp_path / "new" / "refinement.json").read_text())
        assert record["verified"]
        assert len(record["views"]) == len(case.views)
        assert Image.open(tmp_path / "new" / "poses.png").size[0] > 600
        assert "Poses refined, verified" in capsys.readouterr().out

    def test_a_used_folder_is_refused(self, folder, capsys):
        assert main(["refine", str(folder), "--out", str(folder)]) == WRONG_INPUT
        assert "expected a new or an empty folder" in capsys.readouterr().err


class TestReconstruct:
    def test_the_run_keeps_the_final_poses(self, true, run):
        content = json.loads((run / "poses.json").read_text())
        views = [view_from_json(entry) for entry in content["views"]]
        assert errors(views, true) < 0.7
        assert {entry["refinement"]["state"] for entry in content["views"]} == {"refined"}
        assert "poses.json" in json.loads((run / "done.json").read_text())["outputs"]

    def test_the_record_says_how_the_poses_were_refined(self, run):
        record = json.loads((run / "run.json").read_text())
        assert record["refinement"]["settings"]["shift_error"] == 4
        assert record["refinement"]["verified"]
        assert record["changes"]["rates.pose"] == record["settings"]["rates"]["pose"] > 0
        assert set(record["case"]["provenance"].values()) == {"refined"}

    def test_the_report_shows_the_poses(self, run):
        page = (run / "report.html").read_text()
        assert "<h2>Poses</h2>" in page
        assert "Poses refined, verified" in page

    def test_the_poses_can_be_read_as_a_calibration(self, folder, run, tmp_path):
        words = ["convert", folder / "images", "--calibration", run / "poses.json", "--values", "line_integral"]
        assert main([str(word) for word in (*words, "--to", "case", "--out", tmp_path / "again")]) == DONE
        expected = [view_from_json(entry) for entry in json.loads((run / "poses.json").read_text())["views"]]
        assert np.abs(poses(load_case(tmp_path / "again").views) - poses(expected)).max() < 1e-9

    def test_options_of_the_refinement_without_it_are_refused(self, folder, tmp_path, capsys):
        assert main(["reconstruct", str(folder), "--out", str(tmp_path / "x"), *EXPECTED]) == WRONG_INPUT
        assert "--refine-poses" in capsys.readouterr().err
        assert not (tmp_path / "x").exists()
