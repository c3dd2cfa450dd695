from dataclasses import asdict

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from IXGSLib.standardization.generator import Generator
from IXGSLib.standardization.generator_settings import GeneratorSettings
from IXGSLib.standardization.weights import save_weights
from IXGSLib.training.loop import train
from IXGSLib.training.making import make_pairs, make_series
from IXGSLib.training.pair_format import open_pairs
from IXGSLib.training.pair_settings import PairSettings
from IXGSLib.training.prior_loop import PriorRequest, train_prior
from IXGSLib.training.prior_settings import PriorTrainingSettings
from IXGSLib.training.request import TrainingRequest
from IXGSLib.training.series_format import open_series
from IXGSLib.training.series_settings import SeriesSettings
from IXGSLib.training.settings import TrainingSettings


def torso(column, width):
    """(40, 44, 60) HU at 6 mm: a body with a spine of vertebrae around `column` and ribs, in air."""
    k, j, i = np.indices((40, 44, 60))
    values = np.where(((i - 30) / 27) ** 2 + ((j - 22) / 19) ** 2 < 1, 0, -1000)
    values[(np.hypot(i - column, j - 30) < width) & (k % 6 < 4)] = 700
    values[(np.abs(np.hypot((i - 30) / 24, (j - 22) / 16) - 1) < 0.05) & (k % 5 < 2)] = 800
    return values


def phantoms(folder):
    """Two CTs in a folder."""
    files = []
    for number, shape in enumerate([(29, 4), (32, 6)]):
        image = sitk.GetImageFromArray(torso(*shape).astype(np.int16))
        image.SetSpacing((6, 6, 6))
        files.append(folder / f"ct{number}.nii.gz")
        sitk.WriteImage(image, str(files[-1]))
    return files


@pytest.fixture(scope="session")
def cts(tmp_path_factory):
    return phantoms(tmp_path_factory.mktemp("cts"))


@pytest.fixture(scope="session")
def pair_folder(tmp_path_factory):
    """Ten pairs of 32 x 32 pixels from each of two phantoms, whose uniform bone looks like contrast agent."""
    folder = tmp_path_factory.mktemp("pairs")
    cts = phantoms(folder)
    for _ in make_pairs(cts, folder / "pairs", PairSettings(count=10, size=32, contrast_agent=False), jobs=1):
        pass
    return folder / "pairs"


@pytest.fixture(scope="session")
def pairs(pair_folder):
    return open_pairs(pair_folder)


@pytest.fixture(scope="session")
def small():
    """Settings of a network that is trained in seconds."""
    return TrainingSettings(
        width=4,
        levels=4,
        discriminator_width=4,
        adversarial_weight=0.01,
        steps=30,
        batch=2,
        log_every=5,
        checkpoint_every=7,
        validation_pairs=4,
    )


@pytest.fixture(scope="session")
def trained(pairs, small, tmp_path_factory):
    """The folder of a short training that validates on the second patient."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("trained") / "out"
    train(TrainingRequest(pairs, out, small, held_out=(pairs.patients[1],), device="cpu"))
    torch.set_num_threads(threads)
    return out


@pytest.fixture(scope="session")
def tiny_standardizer(tmp_path_factory):
    """Random weights of a network that standardises images of 64 x 64 pixels."""
    torch.manual_seed(0)
    settings = GeneratorSettings(width=4, levels=4)
    file = tmp_path_factory.mktemp("standardizer") / "tiny.safetensors"
    save_weights(file, {"settings": asdict(settings), "size": 64}, Generator(settings).state_dict())
    return file


@pytest.fixture(scope="session")
def series_folder(cts, tiny_standardizer, tmp_path_factory):
    """Two series of four views from each of two phantoms, whose uniform bone looks like contrast agent."""
    folder = tmp_path_factory.mktemp("series") / "out"
    settings = SeriesSettings(
        standardizer=tiny_standardizer,
        count=2,
        views=4,
        subsets=2,
        min_views=2,
        voxels=16,
        spacing=10.0,
        contrast_agent=False,
    )
    for _ in make_series(cts, folder, settings, jobs=1):
        pass
    return folder


@pytest.fixture(scope="session")
def series(series_folder):
    return open_series(series_folder)


@pytest.fixture(scope="session")
def bone_settings():
    """Settings of a bone network that is trained in a second."""
    return PriorTrainingSettings(
        width=4, levels=2, spacing=10.0, pixels=64, patch=8, steps=30, warm_up=5, log_every=5, checkpoint_every=10
    )


@pytest.fixture(scope="session")
def bone_trained(series, bone_settings, tmp_path_factory):
    """The folder of a short training of a bone network that validates on the second patient."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("bone") / "out"
    train_prior(PriorRequest(series, out, bone_settings, held_out=(series.patients[1],), device="cpu"))
    torch.set_num_threads(threads)
    return out
