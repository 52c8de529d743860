"""Rounding to int8 in training: values and gradients are those of its two steps."""

import pytest
import torch

from golden.numerics.straight_through import requantised, rounded, saturated

EDGES = (-128.51, -128.5, -128.49, -128.0, -2.5, -1.5, -0.5, -0.0, 0.5, 1.5, 126.5, 127.0, 127.49, 127.5, 1e9)
PASS = (False, True, True, True, True, True, True, True, True, True, True, True, True, False, False)


def two_steps(values: torch.Tensor) -> torch.Tensor:
    return saturated(rounded(values))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_int8_in_one_step_is_that_of_two(dtype: torch.dtype) -> None:
    values = torch.tensor([*EDGES, float("inf"), float("-inf")], dtype=dtype)
    values = torch.cat(
        [values, 200 * torch.randn(1000, generator=torch.Generator().manual_seed(1)).to(dtype)]
    )
    gradient = torch.arange(1.0, len(values) + 1, dtype=dtype)
    found = []
    for function in (requantised, two_steps):
        given = values.clone().requires_grad_()
        result = function(given)
        result.backward(gradient)
        assert given.grad is not None
        found.append((result.detach(), given.grad))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])
    assert (found[0][1][: len(PASS)] != 0).tolist() == list(PASS)
    assert values.isfinite().sum() == len(values) - 2, "left as it was"
