"""`ixgs refine`, and `ixgs reconstruct --refine-poses`, as a user types them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from IXGSLib.cli.program import DONE, WRONG_INPUT, main
from IXGSLib.formats import load_case, save_case
from IXGSLib.formats.geometry_json import view_from_json
from IXGSLib.geometry.trajectory import angles
from IXGSLib.geometry.twists import poses
from Testing.calibration import phantom
from Testing.calibration.test_refinement import perturbed, projection_errors
from Testing.xray.test_dicom import dicom

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
        (folder / "CREDIT.txt").write_text("The owner of the X-rays")
        assert main(["refine", str(folder), "--out", str(tmp_path / "new"), "--preset", "preview", *ALONE]) == DONE
        case = load_case(tmp_path / "new")
        assert errors(case.views, true) < 0.7
        assert errors(load_case(folder).views, true) > 2
        assert set(case.provenance.values()) == {"refined"}
        assert (folder / "case.json").read_bytes() == before
        record = json.loads((tmp_path / "new" / "refinement.json").read_text())
        assert record["verified"]
        assert len(record["views"]) == len(case.views)
        assert (tmp_path / "new" / "CREDIT.txt").read_text() == "The owner of the X-rays"
        assert Image.open(tmp_path / "new" / "poses.png").size[0] > 600
        assert "Poses refined, verified" in capsys.readouterr().out

    def test_a_used_folder_is_refused(self, folder, capsys):
        assert main(["refine", str(folder), "--out", str(folder)]) == WRONG_INPUT
        assert "expected a new or an empty folder" in capsys.readouterr().err


class TestTags:
    """The tutorial for DICOM tags alone."""

    @pytest.fixture(scope="class")
    @staticmethod
    def tagged(true, tmp_path_factory):
        """XA files whose tags state whole degrees, up to 2.5 degrees off, of an arm that is not quite isocentric."""
        folder = tmp_path_factory.mktemp("tags") / "DICOM"
        folder.mkdir()
        generator = np.random.default_rng(0)
        for n, xray in enumerate(true.xrays):
            primary, secondary = angles(xray.view) + generator.uniform(-2.5, 2.5, 2)
            shift = generator.integers(-2, 3, 2)
            tags = {
                "InstanceNumber": n + 1,
                "ImagerPixelSpacing": ["3.25", "3.25"],
                "DistanceSourceToDetector": "1000",
                "DistanceSourceToPatient": "620",
                "PositionerPrimaryAngle": f"{primary:.0f}",
                "PositionerSecondaryAngle": f"{secondary:.0f}",
                "PixelIntensityRelationshipSign": 1,
            }
            pixels = np.rint(60000 * np.exp(-xray.image)).clip(1, 65535).astype(np.uint16)
            dicom(folder / f"{n:03d}.dcm", np.roll(pixels, shift, axis=(0, 1)), bits=16, **tags)
        return folder

    def test_check_recommends_a_refinement(self, tagged, tmp_path, capsys):
        assert main(["check", str(tagged), "--i0", "60000", "--out", str(tmp_path / "check.png")]) == DONE
        assert "--refine-poses" in capsys.readouterr().out

    def test_refined_poses_explain_the_x_rays_better(self, tagged, folder, tmp_path):
        settings = folder.parent / "quick.json"
        settings.write_text(json.dumps(QUICK))
        shared = ["--i0", "60000", "--settings", str(settings), "--standardize", "none"]
        for name, more in (("plain", []), ("refined", ["--refine-poses"])):
            assert main(["reconstruct", str(tagged), "--out", str(tmp_path / name), *shared, *more]) == DONE
        plain, refined = (
            json.loads((tmp_path / name / "done.json").read_text())["metrics"]["fit_psnr"]
            for name in ("plain", "refined")
        )
        assert refined > plain + 3
        record = json.loads((tmp_path / "refined" / "run.json").read_text())["refinement"]
        assert record["verified"]
        assert record["disagreement"]["after"] < 0.3 * record["disagreement"]["before"]


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
