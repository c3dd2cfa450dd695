"""The model card of the shipped bone network and its measurements."""

import json

import pytest

from IXGSLib.errors import FormatError
from IXGSLib.files import sha256
from IXGSLib.prior.weights import load_bone_weights
from IXGSLib.resources import shipped_bone_weights, shipped_weights
from Testing.benchmarks.prior.make_model import MAX_WEIGHTS_BYTES, main, means, text
from Testing.benchmarks.scene import DATA
from Testing.benchmarks.standardization import patients


@pytest.fixture(scope="module")
def weights():
    return shipped_bone_weights()


@pytest.fixture(scope="module")
def card(weights):
    return json.loads(weights.with_suffix(".json").read_text(encoding="utf-8"))


def test_the_card_is_that_of_the_weights(weights, card):
    about = load_bone_weights(weights).about
    assert weights.stat().st_size == card["weights"]["bytes"] <= MAX_WEIGHTS_BYTES
    assert sha256(weights.read_bytes()) == card["weights"]["sha256"]
    assert card["network"] == about["network"]
    assert len(card["training"]["patients"]) == len(about["patients"])
    assert not set(about["patients"]) & set(about["held_out"])
    assert weights.with_suffix(".md").read_text(encoding="utf-8") == text(card)


def test_the_shipped_networks_belong_together(card):
    assert card["training"]["standardizer"] == sha256(shipped_weights().read_bytes())


@pytest.mark.skipif(not DATA.exists(), reason="needs the CTs")
def test_the_numbers_of_the_card_are_those_that_were_measured_on_patients_left_out(card):
    metrics = card["metrics"]
    assert metrics["left_out"] == patients.credits_of_patients()
    assert not set(metrics["left_out"]) & set(card["training"]["patients"])
    assert metrics["without"] == means("pix2pix")
    assert metrics["with_prior"] == means("learnt")


def test_a_file_without_weights_gets_no_model_card(tmp_path):
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"nothing")
    with pytest.raises(FormatError):
        main([str(file), "--measured", str(file), "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
