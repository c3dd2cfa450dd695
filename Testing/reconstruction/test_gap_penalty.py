import pytest
import torch

from IXGSLib.reconstruction.gap_penalty import gap_penalty, gap_penalty_reference


@pytest.mark.parametrize(("value", "cost"), [(0.0, 0.0), (0.01, 1.0), (0.005, 0.75), (0.02, 0.0), (0.07, 0.0)])
def test_only_what_lies_in_the_gap_costs(value, cost):
    assert float(gap_penalty(torch.full((2, 3, 4), value), 0.02)) == pytest.approx(cost, abs=1e-6)


def test_the_gradient_separates_the_two_phases():
    values = torch.tensor([[[0.006, 0.014, 0.03]]], requires_grad=True)
    gap_penalty(values, 0.02).backward()
    low, high, beyond = values.grad[0, 0].tolist()
    assert low > 0 > high
    assert beyond == 0


def test_the_compiled_one_is_that_of_the_reference():
    values = torch.rand((9, 8, 7), generator=torch.Generator().manual_seed(0))
    compiled, reference = values.clone().requires_grad_(), values.double().requires_grad_()
    ours, theirs = gap_penalty(compiled, 0.6), gap_penalty_reference(reference, 0.6)
    (3 * ours).backward()
    (3 * theirs).backward()
    assert float(ours.detach()) == pytest.approx(float(theirs.detach()), rel=1e-5)
    torch.testing.assert_close(compiled.grad.double(), reference.grad, rtol=1e-4, atol=1e-6)


def test_reference_gradient_is_that_of_its_value():
    values = torch.rand((3, 4, 3), generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: gap_penalty_reference(v, 0.6), (values,))
