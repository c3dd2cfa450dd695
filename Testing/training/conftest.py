import numpy as np
import pytest
import SimpleITK as sitk
import torch

from IXGSLib.training.loop import train
from IXGSLib.training.pair_format import open_pairs
from IXGSLib.training.pair_making import make_pairs
from IXGSLib.training.pair_settings import PairSettings
from IXGSLib.training.request import TrainingRequest
from IXGSLib.training.settings import TrainingSettings


def torso(column, width):
    """(40, 44, 60) HU at 6 mm: a body with a spine of vertebrae around `column` and ribs, in air."""
    k, j, i = np.indices((40, 44, 60))
    values = np.where(((i - 30) / 27) ** 2 + ((j - 22) / 19) ** 2 < 1, 0, -1000)
    values[(np.hypot(i - column, j - 30) < width) & (k % 6 < 4)] = 700
    values[(np.abs(np.hypot((i - 30) / 24, (j - 22) / 16) - 1) < 0.05) & (k % 5 < 2)] = 800
    return values


@pytest.fixture(scope="session")
def pair_folder(tmp_path_factory):
    """Ten pairs of 32 x 32 pixels from each of two phantoms."""
    folder = tmp_path_factory.mktemp("pairs")
    cts = []
    for number, shape in enumerate([(29, 4), (32, 6)]):
        image = sitk.GetImageFromArray(torso(*shape).astype(np.int16))
        image.SetSpacing((6, 6, 6))
        cts.append(folder / f"ct{number}.nii.gz")
        sitk.WriteImage(image, str(cts[-1]))
    for _ in make_pairs(cts, folder / "pairs", PairSettings(count=10, size=32), jobs=1):
        pass
    return folder / "pairs"


@pytest.fixture(scope="session")
def pairs(pair_folder):
    return open_pairs(pair_folder)


@pytest.fixture(scope="session")
def small():
    """Settings of a network that is trained in seconds."""
    return TrainingSettings(
        width=4, levels=4, discriminator_width=4, steps=30, log_every=5, checkpoint_every=7, validation_pairs=4
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
