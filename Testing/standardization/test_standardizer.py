"""Standardisation of a case: what changes, what stays, the record, and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

from IXGSLib.errors import FormatError, SettingsError
from IXGSLib.files import sha256
from IXGSLib.formats import Case, load_case, save_case
from IXGSLib.geometry import Grid
from IXGSLib.geometry.trajectory import CArm, arc, trajectory
from IXGSLib.standardization import StandardizationSettings, method, resolve_method, standardize
from IXGSLib.standardization.method import ResolvedMethod
from IXGSLib.xray import XRay
from Testing.xray.test_fiducials import SIZE, with_fiducials

GRID = Grid.centered((0, 0, 0), (60, 60, 60), 2.0)
ARM = CArm(detector_pixels=(SIZE, SIZE), detector_size=SIZE * 0.5 * 1.62)
CLASSICAL = StandardizationSettings(method="classical")


@pytest.fixture(scope="module")
def case():
    views = trajectory(ARM, arc(3, 160, 20), (0, 0, 0))
    mask = np.ones((SIZE, SIZE), bool)
    mask[:, :7] = False
    xrays = [XRay(view, with_fiducials(n)[0], mask, "intensity") for n, view in enumerate(views)]
    return Case(tuple(xrays), GRID, "spine", hashes={"a.png": "00"})


@pytest.fixture(scope="module")
def standardized(case):
    return standardize(case, CLASSICAL)


@pytest.fixture(autouse=True)
def no_weights(monkeypatch):
    monkeypatch.setattr(method, "shipped_weights", lambda: None)


def test_views_and_region_stay_and_the_x_rays_are_kept(case, standardized):
    assert standardized.views == case.views
    assert standardized.grid is case.grid
    assert all(x.values == "line_integral" and x.image.min() >= 0 for x in standardized.xrays)
    assert not any(np.array_equal(a.image, b.image) for a, b in zip(case.xrays, standardized.xrays, strict=True))
    raw = standardized.standardization.raw
    assert [raw[view.id] for view in case.views] == list(case.xrays)


def test_the_record_states_that_the_case_is_synthetic_and_how_it_was_made(case, standardized):
    record = standardized.standardization.record
    assert record["synthetic"] is True
    assert record["method"] == "classical"
    assert record["source"] == {"name": "spine", "files": {"a.png": "00"}}
    assert record["settings"] == CLASSICAL.as_dict()
    assert any("synthetic" in message for message in standardized.warnings)
    json.dumps(record, allow_nan=False)


def test_only_pixels_behind_fiducials_are_removed_from_the_mask(case, standardized):
    for before, after in zip(case.xrays, standardized.xrays, strict=True):
        fiducials = standardized.standardization.view(after.view.id)["fiducials"]
        assert len(fiducials) >= 4
        lost = before.mask & ~after.mask
        assert all(lost[round(each["y"]), round(each["x"])] for each in fiducials)
        assert lost.mean() < 0.05
        assert not (after.mask & ~before.mask).any()
    without = standardize(case, replace(CLASSICAL, fiducials=False))
    for before, after in zip(case.xrays, without.xrays, strict=True):
        np.testing.assert_array_equal(before.mask, after.mask)


def test_progress_is_reported_for_each_view(case):
    seen = []
    standardize(case, replace(CLASSICAL, fiducials=False), lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_standardised_case_is_read_as_it_was_written(standardized, tmp_path):
    save_case(standardized, tmp_path)
    back = load_case(tmp_path)
    assert back.standardization.synthetic
    record = {key: value for key, value in back.standardization.record.items() if key != "raw"}
    assert record == standardized.standardization.record
    for xray, other in zip(standardized.xrays, back.xrays, strict=True):
        np.testing.assert_array_equal(xray.image, other.image)
        np.testing.assert_array_equal(xray.mask, other.mask)
        raw, kept = (c.standardization.raw[xray.view.id] for c in (standardized, back))
        np.testing.assert_array_equal(np.where(raw.mask, raw.image, 0), kept.image)
    assert sha256((tmp_path / "raw" / "case.json").read_bytes()) in back.hashes.values()
    assert not any("unknown keys" in message for message in back.warnings)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: s.update(synthetic="yes"), "true or false"),
        (lambda s: s.update(raw="../other/case.json"), "lies outside"),
        (lambda s: s.update(raw="none.json"), "does not exist"),
        (lambda s: s.update(views=[]), "not an object"),
        (lambda s: s.pop("method"), '"method"'),
    ],
)
def test_an_invalid_record_is_refused(standardized, tmp_path, spoil, message):
    path = save_case(standardized, tmp_path)
    data = json.loads(path.read_text())
    spoil(data["standardization"])
    path.write_text(json.dumps(data))
    with pytest.raises(FormatError, match=message):
        load_case(tmp_path)


def test_auto_keeps_line_integrals_and_warns_when_it_has_no_weights(case, tmp_path):
    lines = replace(case, xrays=tuple(replace(xray, values="line_integral") for xray in case.xrays))
    assert standardize(lines) is lines
    resolved = resolve_method("intensity", StandardizationSettings())
    assert (resolved.method, resolved.weights) == ("classical", None)
    assert "no weights" in resolved.message
    assert resolved.message in standardize(case).warnings
    weights = tmp_path / "w.safetensors"
    assert resolve_method("intensity", StandardizationSettings(weights=weights)) == ResolvedMethod("pix2pix", weights)


def test_negatives_are_inverted(case):
    negative = replace(case, xrays=tuple(replace(xray, image=5 - xray.image) for xray in case.xrays))
    plain = replace(CLASSICAL, fiducials=False)
    found, expected = standardize(negative, plain), standardize(case, plain)
    assert found.standardization.record["inverted"] != expected.standardization.record["inverted"]
    for one, other in zip(found.xrays, expected.xrays, strict=True):
        np.testing.assert_allclose(one.image, other.image, atol=1e-4)


def test_impossible_requests_are_refused(case, standardized, tmp_path):
    with pytest.raises(SettingsError, match="already standardised by classical"):
        standardize(standardized, CLASSICAL)
    with pytest.raises(SettingsError, match="pix2pix without weights"):
        standardize(case, StandardizationSettings(method="pix2pix"))
    (tmp_path / "evil.safetensors").write_bytes(b"\x80\x04cos\nsystem\n")
    with pytest.raises(FormatError):
        standardize(case, StandardizationSettings(weights=tmp_path / "evil.safetensors"))


def test_a_network_records_its_hash_and_the_score_of_each_view(case, trained):
    weights = next(trained.glob("*.safetensors"))
    made = standardize(case, StandardizationSettings(weights=weights, min_distribution_score=100, fiducials=False))
    record = made.standardization.record
    assert record["method"] == "pix2pix"
    assert record["weights"]["name"] == weights.name
    assert len(record["weights"]["sha256"]) == 64
    assert all(record["views"][view.id]["distribution_score"] > 0 for view in case.views)
    assert any("unlike the X-rays" in message for message in made.warnings)
    assert str(weights.parent) not in json.dumps(record)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("method", "magic"),
        ("fiducial_diameter_mm", (5.0, 2.0)),
        ("change_limit", 0.0),
        ("min_distribution_score", float("nan")),
    ],
)
def test_settings_out_of_range_are_refused_by_name(name, value):
    with pytest.raises(SettingsError, match=rf"{name} is .*expected"):
        StandardizationSettings(**{name: value})
