import pytest
import torch

from IXGSLib.reconstruction.adam import Adam


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rows", [7, 1500])
def test_steps_are_those_of_torch(dtype, rows):
    torch.manual_seed(0)
    ours = torch.randn(rows, 3, dtype=dtype)
    theirs = ours.clone().requires_grad_()
    adam, peer = Adam(ours, torch.full((3,), 0.01)), torch.optim.Adam([theirs], lr=0.01, eps=1e-15)
    for _ in range(20):
        gradient = torch.randn(rows, 3, dtype=dtype)
        adam.step(ours, gradient, 1.0)
        theirs.grad = gradient
        peer.step()
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rows", [2, 1500])
def test_rates_and_factor_scale_each_column(rows):
    parameters = torch.zeros(rows, 2)
    Adam(parameters, torch.tensor([0.1, 0.4])).step(parameters, torch.ones(rows, 2), 0.5)
    torch.testing.assert_close(parameters, torch.tensor([[-0.05, -0.2]] * rows))


def test_rows_take_their_memory_along():
    parameters = torch.zeros(3, 1)
    adam = Adam(parameters, torch.ones(1))
    adam.step(parameters, torch.tensor([[1.0], [2.0], [3.0]]), 1.0)
    adam.take(torch.tensor([2, 0]), 1)
    torch.testing.assert_close(adam.first, torch.tensor([[0.3], [0.1], [0.0]]))
    assert adam.second[2] == 0
