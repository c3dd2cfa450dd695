"""The model card of the shipped weights and their measurements."""

import json

import pytest

from IXGSLib.errors import FormatError
from IXGSLib.files import sha256
from IXGSLib.resources import shipped_weights
from IXGSLib.standardization.weights import load_weights
from Testing.benchmarks.scene import DATA
from Testing.benchmarks.standardization import patients
from Testing.benchmarks.standardization.make_model import MAX_WEIGHTS_BYTES, METRICS, main, text
from Testing.benchmarks.standardization.study import STORE
from Testing.benchmarks.store import Store


@pytest.fixture(scope="module")
def weights():
    return shipped_weights()


@pytest.fixture(scope="module")
def card(weights):
    return json.loads(weights.with_name("standardizer.json").read_text(encoding="utf-8"))


def test_the_card_is_that_of_the_weights(weights, card):
    about = load_weights(weights).about
    assert weights.stat().st_size == card["weights"]["bytes"] <= MAX_WEIGHTS_BYTES
    assert sha256(weights.read_bytes()) == card["weights"]["sha256"]
    assert card["network"] == about["settings"]
    assert card["training"]["pairs_sha256"] == about["pairs"]["sha256"]
    assert len(card["training"]["patients"]) == len(about["patients"])
    assert weights.with_name("README.md").read_text(encoding="utf-8") == text(card)


@pytest.mark.skipif(not DATA.exists(), reason="needs the CTs")
def test_the_numbers_of_the_card_are_those_that_were_measured_on_patients_left_out(card):
    metrics = card["metrics"]
    assert metrics["left_out"] == patients.credits_of_patients()
    assert not set(metrics["left_out"]) & set(card["training"]["patients"])
    measured = [digest[:12] for digest in metrics["measured_weights_sha256"]]
    runs = [run for run in Store(STORE).runs if (run["case"], run["method"]) == ("lumbar-standard", "pix2pix")]
    run = next(run for run in runs if run["weights"] == measured[0])
    assert metrics["lumbar_25_views"] == {name: run[name] for name in METRICS}
    runs = [run for run in Store(patients.STORE).runs if run["method"] == "pix2pix"]
    assert {run["weights"] for run in runs} <= set(measured)
    for name, value in metrics["patients_25_views"].items():
        assert value == pytest.approx(sum(run[name] for run in runs) / len(runs), abs=1e-3)


def test_a_file_without_weights_gets_no_model_card(tmp_path):
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"nothing")
    with pytest.raises(FormatError):
        main([str(file), "--pairs", str(tmp_path), "--measured", str(file), "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
