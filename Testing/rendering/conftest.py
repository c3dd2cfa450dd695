import pytest
import torch


@pytest.fixture(autouse=True)
def one_torch_thread():
    """Tensors as small as these are slowed tenfold by torch's threads when the machine is busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
