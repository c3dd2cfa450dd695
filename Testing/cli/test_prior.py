"""`ixgs reconstruct --prior`: when the bone network is used, what is written of it, and when it is refused."""

import json

import pytest
import torch

from IXGSLib.cli import main
from IXGSLib.evaluation.prior_section import TITLE
from IXGSLib.files import sha256
from IXGSLib.prior.network import BoneNetwork
from IXGSLib.prior.network_settings import BoneNetworkSettings
from IXGSLib.prior.weights import save_bone_weights
from IXGSLib.volume import Volume
from Testing.training.conftest import tiny_standardizer  # noqa: F401

pytestmark = pytest.mark.usefixtures("one_torch_thread")
SETTINGS = BoneNetworkSettings(width=4, levels=2, spacing=4.0, pixels=64)


@pytest.fixture
def bone_weights(tmp_path, tiny_standardizer):  # noqa: F811
    """A function that writes weights of a bone network for a standardising network."""

    def write(name="bone.safetensors", standardizer=None):
        standardizer = standardizer or sha256(tiny_standardizer.read_bytes())
        torch.manual_seed(0)
        about = {"network": SETTINGS.as_dict(), "standardizer": standardizer, "patients": []}
        save_bone_weights(tmp_path / name, about, BoneNetwork(SETTINGS))
        return tmp_path / name

    return write


@pytest.fixture
def network(tiny_standardizer):  # noqa: F811
    """Options that standardise by the network."""
    return ("--standardize", "pix2pix", "--weights", tiny_standardizer)


def record(path):
    return json.loads(path.read_text())


def test_the_network_is_used_where_it_fits_and_everything_says_so(
    intensities, fake, ixgs, bone_weights, network, tmp_path
):
    out, weights = tmp_path / "out", bone_weights()
    code, printed, err = ixgs("reconstruct", intensities, "--out", out, *network, "--prior-weights", weights)
    assert code == 0, err
    assert "trained on other patients" in err
    run, done = record(out / "run.json"), record(out / "done.json")
    assert run["prior"] == {
        "method": "learnt",
        "weights": {"name": weights.name, "sha256": sha256(weights.read_bytes())},
    }
    share, volume = Volume.load(out / "prior_share.nrrd"), Volume.load(out / "volume.nrrd")
    assert share.grid.shape == volume.grid.shape == fake.prior.bone.grid.shape
    assert 0 <= share.values.min() <= share.values.max() <= 1
    assert "prior_share.nrrd" in done["outputs"]
    assert min(done["durations"][stage] for stage in ("reading", "standardization", "prior")) > 0
    assert done["prior"]["sentence"] in printed
    page = (out / "report.html").read_text()
    assert TITLE in page
    assert done["prior"]["sentence"] in page


def test_a_standardised_case_on_disk_does_as_well(intensities, fake, ixgs, bone_weights, network, tmp_path):
    _, method, *weights = network
    assert (
        main([str(w) for w in ("standardize", intensities, "--out", tmp_path / "s", "--method", method, *weights)]) == 0
    )
    given = ("--standardize", "none", "--prior-weights", bone_weights(), "--prior", "learnt")
    code, _, err = ixgs("reconstruct", tmp_path / "s", "--out", tmp_path / "out", *given)
    assert code == 0, err
    assert fake.prior is not None


def test_none_leaves_it_out(intensities, fake, ixgs, bone_weights, network, tmp_path):
    given = (*network, "--prior", "none", "--prior-weights", bone_weights())
    code, printed, _ = ixgs("reconstruct", intensities, "--out", tmp_path / "out", *given)
    assert code == 0
    assert fake.prior is None
    assert record(tmp_path / "out" / "run.json")["prior"] == {"method": "none"}
    assert not (tmp_path / "out" / "prior_share.nrrd").exists()
    assert "prior" not in record(tmp_path / "out" / "done.json")
    assert "prior" not in printed


def test_clean_line_integrals_have_no_prior(case, fake, ixgs, bone_weights, tmp_path):
    code, _, err = ixgs("reconstruct", case, "--out", tmp_path / "out", "--prior-weights", bone_weights())
    assert code == 0
    assert fake.prior is None
    assert "prior" not in err
    code, _, err = ixgs(
        "reconstruct", case, "--out", tmp_path / "two", "--prior", "learnt", "--prior-weights", bone_weights()
    )
    assert code == 2
    assert "use --standardize pix2pix" in err


def test_a_network_of_other_images_is_not_used(intensities, fake, ixgs, bone_weights, network, tmp_path):
    other = bone_weights("other.safetensors", standardizer="0" * 64)
    code, _, err = ixgs("reconstruct", intensities, "--out", tmp_path / "out", *network, "--prior-weights", other)
    assert code == 0
    assert fake.prior is None
    assert "no learnt prior was used: the X-rays were standardised by another network" in err
    given = (*network, "--prior-weights", other, "--prior", "learnt")
    code, _, err = ixgs("reconstruct", intensities, "--out", tmp_path / "two", *given)
    assert code == 2
    assert "another network" in err


def test_weights_that_are_none_are_refused(intensities, fake, ixgs, network, tiny_standardizer, tmp_path):  # noqa: F811
    given = (*network, "--prior-weights", tiny_standardizer)
    code, _, err = ixgs("reconstruct", intensities, "--out", tmp_path / "out", *given)
    assert code == 2
    assert "something else" in err


def test_bone_is_estimated_without_a_reconstruction(
    intensities,
    ixgs,
    bone_weights,
    tiny_standardizer,  # noqa: F811
    tmp_path,
):
    out, weights = tmp_path / "out", ("--weights", tiny_standardizer, "--prior-weights", bone_weights())
    code, printed, err = ixgs("estimate", intensities, "--out", out, "--views", 3, *weights)
    assert code == 0, err
    assert "bone from 3 X-rays in" in printed
    assert "trained on other patients" in err
    found, error = Volume.load(out / "volume.nrrd"), Volume.load(out / "expected_error.nrrd")
    assert found.values.max() > 0
    assert error.values.min() > 0
    told = record(out / "estimate.json")
    assert len(told["case"]["views"]) == 3
    assert told["prior"]["method"] == "learnt"
    assert told["durations"].keys() == {"standardization", "prior"}
    code, _, err = ixgs("estimate", intensities, "--out", out, *weights)
    assert code == 2
    assert "empty" in err
    code, _, err = ixgs("estimate", intensities, "--out", tmp_path / "two", "--weights", tiny_standardizer)
    assert code == 2
    assert not (tmp_path / "two").exists()
