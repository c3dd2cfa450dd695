"""The study of patients that were left out of training."""

import pytest

from IXGSLib.files import sha256
from IXGSLib.prior.network import BoneNetwork
from IXGSLib.prior.network_settings import BoneNetworkSettings
from IXGSLib.prior.weights import save_bone_weights
from IXGSLib.standardization.generator import Generator
from IXGSLib.standardization.generator_settings import GeneratorSettings
from IXGSLib.standardization.weights import save_weights
from Testing.benchmarks.standardization import patients
from Testing.benchmarks.standardization.exposures import Networks
from Testing.benchmarks.store import Store

SETTINGS = GeneratorSettings(width=4, levels=4)


def weights(file, seen):
    about = {"settings": vars(SETTINGS), "size": 64, "patients": [sha256(each)[:12] for each in seen]}
    save_weights(file, about, Generator(SETTINGS).state_dict())
    return file


def bone_weights(file, standardizer, seen, held_out=()):
    settings = BoneNetworkSettings(width=4, levels=2)
    about = {"network": settings.as_dict(), "standardizer": sha256(standardizer.read_bytes())}
    for name, patients_of in (("patients", seen), ("held_out", held_out)):
        about[name] = [sha256(each)[:12] for each in patients_of]
    save_bone_weights(file, about, BoneNetwork(settings))
    return file


def test_a_patient_gets_the_first_weights_that_have_not_seen_it(tmp_path):
    ct = tmp_path / "ct.nii.gz"
    ct.write_bytes(b"one")
    seen = weights(tmp_path / "a.safetensors", [b"one", b"two"])
    others = [weights(tmp_path / f"{name}.safetensors", [b"two"]) for name in "bc"]
    assert patients.unseen(ct, [seen, *others], []) == Networks(others[0])
    assert patients.unseen(ct, [seen], []) is None
    assert patients.unseen(ct, [], []) is None


def test_a_prior_belongs_to_the_network_and_has_not_seen_the_patient_either(tmp_path):
    ct = tmp_path / "ct.nii.gz"
    ct.write_bytes(b"one")
    files = [weights(tmp_path / f"{name}.safetensors", [b"two"]) for name in "ab"]
    files[1].write_bytes(weights(tmp_path / "c.safetensors", [b"two", b"three"]).read_bytes())
    knows = bone_weights(tmp_path / "knows.safetensors", files[0], [b"one"])
    foreign = bone_weights(tmp_path / "foreign.safetensors", files[1], [b"two"])
    fits = bone_weights(tmp_path / "fits.safetensors", files[0], [b"two"])
    assert patients.unseen(ct, files, [knows, foreign, fits]) == Networks(files[0], fits)
    assert patients.unseen(ct, files, [knows, foreign]) == Networks(files[0])


def test_each_exposure_and_method_is_measured_once(tmp_path, monkeypatch, capsys):
    found = {"report_dice": 0.5, "best_dice": 0.6}
    asked = []
    monkeypatch.setattr(patients, "unseen", lambda ct, weights, bone_weights: None)
    monkeypatch.setattr(patients, "exposure", lambda name: name)
    monkeypatch.setattr(patients, "scored", lambda *given: asked.append(given[:2]) or dict(found))
    for _ in range(2):
        patients.measure(Store(tmp_path / "store.json"), ["midthoracic", "lumbar-again"], "preview", [], [])
    expected = [(name, method) for name in ("midthoracic", "lumbar-again") for method in ("classical", "target")]
    assert asked == expected
    assert "networks skipped" in capsys.readouterr().out


def test_the_table_has_a_row_for_each_run_and_their_means():
    def run(name, value):
        about = {"case": f"{name}-preview", "method": "classical", "machine": "a machine", "date": "2030-01-01"}
        return about | dict.fromkeys(patients.COLUMNS, value)

    runs = [run(name, float(number)) for number, name in enumerate(patients.EXPOSURES)]
    text = patients.page_part({"runs": runs}, "preview")
    assert "| lumbar, again | classical | 1.0 dB |" in text
    assert f"| **mean** | classical | {(len(runs) - 1) / 2} dB |" in text
    assert "**mean**" not in patients.page_part({"runs": runs[:-1]}, "preview")


@pytest.mark.skipif(not patients.STORE.exists(), reason="nothing has been measured yet")
def test_the_page_shows_what_is_stored():
    content = Store(patients.STORE).content
    assert patients.PART.read() == patients.page_part(content, "preview")
