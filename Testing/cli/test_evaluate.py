import json

import pytest

from IXGSLib import resources
from IXGSLib.cli.demo import Demo, free
from IXGSLib.errors import IXGSError
from IXGSLib.volume import Volume


@pytest.fixture
def finished(case, fake, ixgs, tmp_path):
    out = tmp_path / "out"
    assert ixgs("reconstruct", case, "--out", out)[0] == 0
    return out


def test_a_table_of_all_metrics(case, finished, ixgs):
    before = {path: path.read_bytes() for path in finished.iterdir()}
    code, out, err = ixgs("evaluate", finished, "--truth", case / "truth.nrrd", "--test", case / "test.json")
    assert (code, err) == (0, "")
    for label in ("Volume PSNR", "Volume SSIM", "Bone overlap", "surface distance", "Unseen views PSNR", "views SSIM"):
        assert label in out
    assert {path: path.read_bytes() for path in finished.iterdir()} == before


def test_the_metrics_as_json(case, finished, ixgs):
    code, out, _ = ixgs("evaluate", finished, "--truth", case / "truth.nrrd", "--test", case / "test.json", "--json")
    metrics = json.loads(out, parse_constant=pytest.fail)
    assert code == 0
    assert metrics["bone_dice"] == 1
    assert metrics["bone_surface_distance"] == 0
    assert metrics["volume_psnr"] is None
    assert metrics["view_psnr"] > 0


def test_the_same_numbers_as_during_the_run(case, fake, ixgs, tmp_path):
    flags = ("--truth", case / "truth.nrrd", "--test", case / "test.json")
    ixgs("reconstruct", case, "--out", tmp_path / "out", *flags)
    metrics = json.loads((tmp_path / "out" / "done.json").read_text())["metrics"]
    _, out, _ = ixgs("evaluate", tmp_path / "out", *flags, "--json")
    for name, value in json.loads(out).items():
        assert value == (None if metrics[name] is None else pytest.approx(metrics[name], rel=1e-5)), name


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda out: (out / "done.json").unlink(), "no done.json"),
        (lambda out: (out / "volume.nrrd").write_text("x"), "changed since the run ended"),
        (lambda out: (out / "gaussians.ply").unlink(), "missing or changed"),
        (lambda out: (out / "done.json").write_text("{}"), "not written by IXGS"),
        (lambda out: (out / "done.json").write_text('{"format": "ixgs-done", "version": 2}'), "update IXGS"),
    ],
)
def test_a_run_that_is_not_whole_is_refused(spoil, words, case, finished, ixgs):
    spoil(finished)
    code, out, err = ixgs("evaluate", finished, "--truth", case / "truth.nrrd")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err


def test_something_to_compare_with_is_needed(finished, ixgs):
    code, _, err = ixgs("evaluate", finished)
    assert code == 2
    assert "--truth volume.nrrd, --test test.json or both" in err


def test_the_demo_compares_with_the_truth(simulated, fake, ixgs, tmp_path, monkeypatch):
    resource_folder = tmp_path / "Resources"
    resource_folder.mkdir()
    (resource_folder / "SampleCase").symlink_to(simulated)
    monkeypatch.setattr(resources, "FOLDERS", (resource_folder,))
    monkeypatch.chdir(tmp_path)
    for folder in ("ixgs-demo", "ixgs-demo-2"):
        code, out, err = ixgs("demo")
        assert code == 0, err
        assert f"{folder}/report.html" in out
        assert "Bone overlap" in out
        assert "Unseen views PSNR" in out
        assert out.endswith("Research use only. Not a medical device.\n")
        assert (tmp_path / folder / "done.json").is_file()


def test_the_sample_case_exists():
    assert (resources.resource("SampleCase") / "case.json").is_file()
    with pytest.raises(IXGSError, match="complete copy"):
        resources.resource("nothing")


def test_the_next_free_folder(tmp_path):
    assert free(tmp_path / "a") == tmp_path / "a"
    (tmp_path / "a").mkdir()
    (tmp_path / "a-2").write_text("")
    assert free(tmp_path / "a") == tmp_path / "a-3"
    assert Demo().out is None


def test_task_metrics_name_what_cannot_be_measured(case, finished, ixgs, tmp_path):
    truth = Volume.load(case / "truth.nrrd")
    Volume((truth.values > 0.01) * 20, truth.grid).save(tmp_path / "labels.nrrd")
    code, _, err = ixgs(
        "evaluate", finished, "--truth", case / "truth.nrrd", "--labels", tmp_path / "labels.nrrd", "--levels", "20=L1"
    )
    assert code == 2
    assert "no vertebra can be measured: L1: " in err


def test_task_and_perceptual_metrics_need_the_truth(finished, ixgs, tmp_path):
    for words in (("--labels", tmp_path / "labels.nrrd"), ("--perceptual",)):
        code, _, err = ixgs("evaluate", finished, "--test", tmp_path, *words)
        assert code == 2
        assert "add --truth" in err


def test_labels_that_do_not_exist_are_refused(case, finished, ixgs, tmp_path):
    code, _, err = ixgs("evaluate", finished, "--truth", case / "truth.nrrd", "--labels", tmp_path / "none.nrrd")
    assert code == 2
    assert "none.nrrd: no such file" in err
