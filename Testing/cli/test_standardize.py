"""`ixgs standardize`, and a run that standardises its X-rays."""

import json
import shutil

import pytest

from IXGSLib.formats import load_case


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def standard(case, ixgs, tmp_path):
    code, _, err = ixgs("standardize", case, "--out", tmp_path / "made", "--method", "classical")
    assert code == 0, err
    return tmp_path / "made"


def test_standardize_writes_a_new_case_with_its_source(case, standard):
    made = load_case(standard)
    assert made.standardization.method == "classical"
    assert len(made.standardization.raw) == len(made.xrays) == 6
    assert (standard / "CREDIT.txt").read_text() == (case / "CREDIT.txt").read_text()


def test_existing_folders_are_not_overwritten(case, standard, ixgs):
    before = content(case), content(standard)
    for target in (standard, case):
        code, _, err = ixgs("standardize", case, "--out", target, "--method", "classical")
        assert code == 2
        assert "exists already" in err
    assert (content(case), content(standard)) == before


def test_a_failure_leaves_nothing(case, ixgs, tmp_path):
    code, _, err = ixgs("standardize", case, "--out", tmp_path / "out", "--weights", tmp_path / "none.safetensors")
    assert code == 0, err  # auto leaves line integrals alone, weights or not
    shutil.rmtree(tmp_path / "out")
    code, _, err = ixgs("standardize", case, "--out", tmp_path / "out", "--method", "pix2pix", "--weights", case)
    assert code == 2
    assert not (tmp_path / "out").exists()


def test_json_lines(case, ixgs, tmp_path):
    code, out, _ = ixgs("standardize", case, "--out", tmp_path / "out", "--method", "classical", "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [event["step"] for event in events if event["event"] == "progress"] == [1, 2, 3, 4, 5, 6]
    assert events[-1]["event"] == "done"
    assert events[-1]["method"] == "classical"


def test_a_run_records_its_standardisation_and_keeps_the_images(case, fake, ixgs, tmp_path):
    out = tmp_path / "run"
    code, _, err = ixgs("reconstruct", case, "--out", out, "--standardize", "classical")
    assert code == 0, err
    assert json.loads((out / "run.json").read_text())["standardization"]["method"] == "classical"
    assert load_case(out / "standardized").standardization.synthetic
    assert "standardized/case.json" in json.loads((out / "done.json").read_text())["outputs"]
    assert "Synthetic pictures" in (out / "report.html").read_text()
    assert fake.calls[0][0].standardization.synthetic


def test_a_run_from_a_standardised_case_says_so(standard, fake, ixgs, tmp_path):
    code, _, err = ixgs("reconstruct", standard, "--out", tmp_path / "run")
    assert code == 0, err
    assert json.loads((tmp_path / "run" / "run.json").read_text())["standardization"]["synthetic"]
    assert not (tmp_path / "run" / "standardized").exists()
    page = (tmp_path / "run" / "report.html").read_text()
    assert page.count('aria-label="Standardised of view') == 6


def test_intensities_are_standardised_and_line_integrals_are_not_unless_asked_for(intensities, fake, ixgs, tmp_path):
    code, _, err = ixgs("reconstruct", intensities, "--out", tmp_path / "auto")
    assert code == 0, err
    assert fake.calls[-1][0].standardization.method == "pix2pix"
    assert ixgs("reconstruct", intensities, "--out", tmp_path / "none", "--standardize", "none")[0] == 0
    assert fake.calls[-1][0].standardization is None
    assert not (tmp_path / "none" / "standardized").exists()
    assert ixgs("reconstruct", tmp_path / "auto" / "standardized", "--out", tmp_path / "again")[0] == 0
    assert not (tmp_path / "again" / "standardized").exists()


def test_a_run_that_fails_leaves_no_images(case, fake, ixgs, tmp_path):
    fake.error = KeyboardInterrupt()
    assert ixgs("reconstruct", case, "--out", tmp_path / "run", "--standardize", "classical")[0] == 130
    assert not (tmp_path / "run").exists()
