import os
from pathlib import Path

import pytest
import torch

from IXGSLib.compute.threads import set_thread_count

if not torch.cuda.is_available():
    # Read by Triton when kernels are defined; they then run on the CPU, line by line.
    os.environ.setdefault("TRITON_INTERPRET", "1")

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def data():
    """The folder of real CTs and X-rays beside the checkout; tests that need it are skipped without it."""
    if not DATA.is_dir():
        pytest.skip("needs the data folder beside the checkout")
    return DATA


@pytest.fixture
def one_torch_thread():
    """Tensors as small as those of tests are slowed tenfold by torch's threads when the machine is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pytest_configure(config):
    """Where tests run in several processes, each has one thread for what does not say how many it wants."""
    if getattr(config.option, "numprocesses", None):
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by torch and BLAS when the processes start
        config.option.loadscopereorder = False  # or the tests of the panel would not be the last of a process
    if "PYTEST_XDIST_WORKER" in os.environ:
        set_thread_count(1)


def pytest_collection_modifyitems(items):
    # The panel's harness makes this process look like Slicer's, with one scene for all, and Slicer is never left again.
    items.sort(key=lambda item: "Testing/panel" in item.path.as_posix())
