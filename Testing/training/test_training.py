"""Training: the loss falls, an interruption changes nothing, and processes share the work."""

import csv
import io
import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from IXGSLib.errors import Cancelled, FormatError, IXGSError, SettingsError
from IXGSLib.standardization.generator_settings import GeneratorSettings
from IXGSLib.standardization.network import load_network
from IXGSLib.standardization.weights import RECORDED_SETTINGS, load_weights
from IXGSLib.training import loop
from IXGSLib.training.adversarial import Adversarial, rate
from IXGSLib.training.batches import Batch, Batches
from IXGSLib.training.distribution import distribution_model
from IXGSLib.training.loop import train
from IXGSLib.training.processes import Processes, together
from IXGSLib.training.request import TrainingRequest
from IXGSLib.training.settings import TrainingSettings

pytestmark = pytest.mark.usefixtures("one_torch_thread")
ALONE = Processes(0, 1, torch.device("cpu"))


def rows(folder):
    return list(csv.DictReader(io.StringIO((folder / "log.csv").read_text())))


def tensors(file):
    with safe_open(file, "pt") as opened:
        return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118


def same(one, other, **tolerance):
    first, second = tensors(one), tensors(other)
    assert first.keys() == second.keys()
    for name in first:
        torch.testing.assert_close(first[name], second[name], **(tolerance or {"rtol": 0, "atol": 0}))


def test_training_fits_its_pairs(pairs, small):
    settings = replace(small, batch=2, steps=1000, rate=1e-3, averaging=0.9)
    networks, batches = Adversarial(settings, ALONE), Batches(pairs, settings, ALONE)
    batch = Batch(*(torch.cat(part) for part in zip(*[batches[n] for n in range(4)], strict=True)))
    losses = [networks.step(number, batch) for number in range(90)]
    assert losses[-1].l1 < 0.5 * losses[0].l1
    mean = (networks.average(batch.pictures) * (batch.pictures[:, 2:] > 0) - batch.targets).abs().mean()
    assert mean < 0.6 * losses[0].l1
    assert min(loss.discriminator for loss in losses) < 0.9 * losses[0].discriminator


def test_training_writes_log_scores_and_pages(trained, pairs, small):
    names = {path.relative_to(trained).as_posix() for path in trained.rglob("*") if path.is_file()}
    pages = {f"epochs/epoch-{epoch:04d}.png" for epoch in range(1, 7)}
    assert names == {"training.json", "checkpoint.safetensors", "log.csv", "weights.safetensors", *pages}
    table = rows(trained)
    losses = [row for row in table if row["l1"]]
    assert [int(row["step"]) for row in losses] == [5, 10, 15, 20, 25, 30]
    scores = [row for row in table if row["validation_psnr"]]
    assert [int(row["epoch"]) for row in scores] == [1, 2, 3, 4, 5, 6]
    assert [int(row["step"]) for row in scores] == [5, 10, 15, 20, 25, 30]
    assert all(
        np.isfinite([float(row[f"validation_{name}"]) for name in ("l1", "psnr", "ssim")]).all() for row in scores
    )
    about = load_weights(trained / "weights.safetensors").about
    best = min(scores, key=lambda row: float(row["validation_l1"]))
    assert about["scores"]["l1"] == pytest.approx(float(best["validation_l1"]), rel=1e-5)
    assert about["step"] == int(best["step"])
    assert (about["patients"], about["held_out"]) == ([pairs.patients[0]], [pairs.patients[1]])
    with Image.open(trained / "epochs" / "epoch-0006.png") as page:
        assert page.size[0] > 4 * 32
        assert len(np.unique(np.asarray(page).reshape(-1, 3), axis=0)) > 50


def test_an_interrupted_training_ends_with_the_same_numbers(trained, pairs, small, tmp_path):
    held_out = (pairs.patients[1],)
    for end in (9, 16):
        done = []
        with pytest.raises(Cancelled, match="continues"):
            train(
                TrainingRequest(pairs, tmp_path / "out", small, held_out, "cpu"),
                done.append,
                lambda: done[-1].step == end,  # noqa: B023
            )
    with (tmp_path / "out" / "log.csv").open("a") as file:
        file.write("29,6,1,,,,,,,\n")  # as of steps after the checkpoint, before a crash
    train(TrainingRequest(pairs, tmp_path / "out", replace(small, log_every=5, workers=0), held_out, "cpu"))
    for name in ("checkpoint", "weights"):
        same(tmp_path / "out" / f"{name}.safetensors", trained / f"{name}.safetensors")
    for found, expected in zip(rows(tmp_path / "out"), rows(trained), strict=True):
        assert {k: v for k, v in found.items() if k != "seconds"} == {
            k: v for k, v in expected.items() if k != "seconds"
        }


def test_a_finished_training_is_left_as_it_is(trained, pairs, small):
    before = (trained / "weights.safetensors").stat().st_mtime_ns
    assert train(TrainingRequest(pairs, trained, small, (pairs.patients[1],), "cpu")) == trained / "weights.safetensors"
    assert (trained / "weights.safetensors").stat().st_mtime_ns == before


def test_two_processes_do_the_work_of_one(pair_folder, pairs, small, tmp_path):
    settings = replace(small, steps=4, batch=4)
    train(TrainingRequest(pairs, tmp_path / "one", settings, (), "cpu"))
    names = ("width", "levels", "discriminator_width", "adversarial_weight", "steps", "batch", "log_every")
    flags = [word for name in names for word in (f"--{name.replace('_', '-')}", str(getattr(settings, name)))]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    launcher += ["--max-restarts", "1"]  # as a user would: processes that are lost go on from the checkpoint
    command = ["-m", "IXGSLib", "train-standardizer", str(pair_folder), "--out", str(tmp_path / "two")]
    done = subprocess.run(
        [*launcher, *command, *flags, "--device", "cpu"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    one, two = (load_network(tmp_path / name / "weights.safetensors") for name in ("one", "two"))
    picture = np.random.default_rng(0).random((32, 32))
    np.testing.assert_allclose(two.apply(picture), one.apply(picture), atol=1e-3)
    for found, expected in zip(rows(tmp_path / "two"), rows(tmp_path / "one"), strict=True):
        assert float(found["discriminator"]) == pytest.approx(float(expected["discriminator"]), rel=0.1)


def test_processes_divide_the_pairs_of_a_step(pairs, small):
    settings = replace(small, batch=4)
    whole = Batches(pairs, settings, ALONE)[3]
    halves = [Batches(pairs, settings, Processes(rank, 2, torch.device("cpu")))[3] for rank in range(2)]
    for part, both in zip(whole, zip(*halves, strict=True), strict=True):
        torch.testing.assert_close(part, torch.cat(both), rtol=0, atol=0)


def test_an_epoch_uses_every_pair_once_with_new_augmentation(pairs, small, monkeypatch):
    taken = []
    load = type(pairs).load
    monkeypatch.setattr(type(pairs), "load", lambda self, name: taken.append(name) or load(self, name))
    batches = Batches(pairs, small, ALONE)
    items = [batches[step] for step in range(20)]
    assert sorted(taken[:20]) == sorted(taken[20:]) == sorted(pairs.names)
    assert taken[:20] != taken[20:]
    assert not any(torch.equal(items[0][0], item[0]) for item in items[1:])
    again = Batches(pairs, small, ALONE)[7]
    assert all(torch.equal(one, other) for one, other in zip(again, items[7], strict=True))


def test_training_stops_early_when_held_out_scores_do_not_improve(pairs, small, tmp_path):
    settings = replace(small, steps=1000, patience=2, rate=0.0)
    done = []
    train(TrainingRequest(pairs, tmp_path / "out", settings, (pairs.patients[1],), "cpu"), done.append)
    assert done[-1].epoch == 3  # the first is the best, two bring nothing
    count = len(done)
    train(TrainingRequest(pairs, tmp_path / "out", settings, (pairs.patients[1],), "cpu"), done.append)
    assert len(done) == count


def test_without_held_out_patients_the_last_weights_are_kept(pairs, small, tmp_path):
    settings = replace(small, steps=4)
    about = load_weights(train(TrainingRequest(pairs, tmp_path / "out", settings, device="cpu"))).about
    assert about["step"] == 4
    assert about["held_out"] == []


def test_a_start_contributes_its_weights_and_its_patients(trained, pairs, small, tmp_path):
    first = load_weights(trained / "weights.safetensors")
    settings = replace(small, steps=2, rate=0.0)
    made = load_weights(
        train(TrainingRequest(pairs, tmp_path / "a", settings, device="cpu", start=trained / "weights.safetensors"))
    )
    for name, values in first.generator.items():
        torch.testing.assert_close(made.generator[name], values)
    assert made.about["start"]["sha256"] == first.about["sha256"]
    other, known = pairs.patients[1], pairs.patients[0]
    part, _ = pairs.split((known,))
    alone = load_weights(
        train(TrainingRequest(part, tmp_path / "b", settings, device="cpu", start=trained / "weights.safetensors"))
    )
    assert alone.about["patients"] == sorted((other, known))
    again = load_weights(
        train(
            TrainingRequest(pairs, tmp_path / "c", settings, device="cpu", start=tmp_path / "a" / "weights.safetensors")
        )
    )
    assert again.about["start"]["start"] == made.about["start"]


@pytest.mark.parametrize(
    ("changes", "patient", "words"),
    [
        ({"width": 8}, None, ("weights of width 4", "expected 8", "give --width 4")),
        ({}, 0, ("trained on the held-out patient", "hold out others")),
    ],
)
def test_a_start_that_does_not_fit_is_refused(changes, patient, words, trained, pairs, small, tmp_path):
    held_out = () if patient is None else (pairs.patients[patient],)
    start = trained / "weights.safetensors"
    with pytest.raises(SettingsError) as error:
        train(TrainingRequest(pairs, tmp_path / "out", replace(small, **changes), held_out, "cpu", start=start))
    assert all(word in str(error.value) for word in words), error.value
    assert not (tmp_path / "out").exists()


def test_the_learning_rate_is_constant_then_falls_to_zero():
    settings = TrainingSettings(steps=100, constant_part=0.5, rate=1e-3)
    assert [rate(settings, step) for step in (0, 50)] == [1e-3, 1e-3]
    assert rate(settings, 75) == pytest.approx(5e-4)
    assert 0 < rate(settings, 99) < 3e-5


@pytest.mark.parametrize(
    ("changes", "held_out", "words"),
    [
        ({"levels": 6}, (), ("32 pixels", "multiple of 64", "fewer levels")),
        ({"batch": 21}, (), ("20 pairs", "at least 21")),
        ({}, ("nobody",), ("nobody", "expected one of")),
        ({}, ("",), ("expected one of",)),
    ],
)
def test_settings_that_do_not_fit_are_refused(changes, held_out, words, pairs, small, tmp_path):
    with pytest.raises(SettingsError) as error:
        train(TrainingRequest(pairs, tmp_path / "out", replace(small, **changes), held_out, "cpu"))
    assert all(word in str(error.value) for word in words), error.value
    assert not (tmp_path / "out").exists()


def test_holding_out_everyone_is_refused(pairs, small, tmp_path):
    with pytest.raises(SettingsError, match="every patient"):
        train(TrainingRequest(pairs, tmp_path / "out", small, pairs.patients, "cpu"))


def test_a_folder_of_another_training_or_other_files_is_refused(trained, pairs, small, tmp_path):
    with pytest.raises(SettingsError, match="other pairs, held-out patients or settings"):
        train(TrainingRequest(pairs, trained, replace(small, seed=1), (pairs.patients[1],), "cpu"))
    with pytest.raises(SettingsError, match="other pairs, held-out patients or settings"):
        train(TrainingRequest(pairs, trained, small, (), "cpu"))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(IXGSError, match="holds other files"):
        train(TrainingRequest(pairs, tmp_path, small, (), "cpu"))
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_damaged_checkpoint_is_refused(trained, pairs, small, tmp_path):
    (tmp_path / "training.json").write_text("{}")
    whole = (trained / "checkpoint.safetensors").read_bytes()
    for data in (whole[: len(whole) // 2], b"PK\x03\x04", b""):
        (tmp_path / "checkpoint.safetensors").write_bytes(data)
        with pytest.raises(FormatError, match=r"checkpoint.safetensors: not a checkpoint"):
            train(TrainingRequest(pairs, tmp_path, small, (pairs.patients[1],), "cpu"))


def test_tensorboard_receives_the_numbers_of_the_log(pairs, small, tmp_path, monkeypatch):
    written = []

    class SummaryWriter:
        def __init__(self, folder, purge_step):
            assert (folder, purge_step) == (str(tmp_path / "out" / "tensorboard"), 1)

        def add_scalar(self, name, value, step):
            written.append((step, name, value))

        def flush(self):
            pass

        def close(self):
            written.append("closed")

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=SummaryWriter))
    settings = replace(small, steps=5, tensorboard=True)
    train(TrainingRequest(pairs, tmp_path / "out", settings, (pairs.patients[1],), "cpu"))
    assert written.pop() == "closed"
    expected = {
        (int(row["step"]), name): float(value)
        for row in rows(tmp_path / "out")
        for name, value in row.items()
        if value and name not in ("step", "epoch", "seconds")
    }
    assert {(step, name): pytest.approx(value, rel=1e-4) for step, name, value in written} == expected


def test_missing_tensorboard_is_reported_with_its_cure(pairs, small, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(SettingsError, match=r"pip install 'IXGSLib\[train\]'"):
        train(TrainingRequest(pairs, tmp_path / "out", replace(small, tensorboard=True), (), "cpu"))


@pytest.mark.parametrize(
    ("name", "value"),
    [("width", 0), ("steps", 0), ("group", 0), ("batch", 1.5), ("precision", "float8"), ("zoom", 0.5)],
)
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(SettingsError, match=name):
        TrainingSettings(**{name: value})


def test_a_header_of_weights_may_record_every_setting_of_a_training_and_no_others():
    names = {field.name for field in fields(TrainingSettings)} - {field.name for field in fields(GeneratorSettings)}
    assert names == RECORDED_SETTINGS


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [({"amx_bf16": True}, torch.bfloat16), ({"amx_bf16": False}, torch.float32), (None, torch.float32)],
)
def test_only_a_cpu_with_matrix_units_trains_in_bfloat16(capabilities, precision, small, monkeypatch):
    if capabilities is None:
        monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    else:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    with together("cpu") as processes:
        assert Adversarial(small, processes).precision == precision


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["auto", "float16"])
def test_trains_on_a_gpu(precision, pairs, small, tmp_path):
    settings = replace(small, precision=precision, steps=6, workers=1)
    done = []
    train(TrainingRequest(pairs, tmp_path / "out", settings, (pairs.patients[1],), "cuda"), done.append)
    assert done[-1].step == 6
    assert np.isfinite(done[-1].l1)


def test_the_distribution_model_is_made_once_when_the_training_ends(pairs, small, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(loop, "distribution_model", lambda *given: made.append(1) or distribution_model(*given))
    request = TrainingRequest(pairs, tmp_path / "out", replace(small, steps=20), device="cpu")
    with pytest.raises(Cancelled):
        train(request, cancelled=lambda: (tmp_path / "out" / "weights.safetensors").exists())
    assert not made
    assert load_weights(tmp_path / "out" / "weights.safetensors").distribution is None
    assert load_weights(train(request)).distribution is not None
    train(request)
    assert len(made) == 1
