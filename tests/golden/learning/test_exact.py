"""Sums of products: exact in either type, refused where 32 bits would not hold them."""

import numpy as np
import pytest
import torch

from golden.learning import Layer, LearningError, Network, exact, residual_network


def whole(shape: tuple[int, ...], largest: int, seed: int) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(-largest, largest + 1, shape).astype(np.float32))


@pytest.mark.parametrize(("channels", "largest"), [(3, 64), (800, 127)])
@pytest.mark.parametrize(("kernel", "stride", "size"), [(3, 1, 5), (3, 2, 6), (1, 2, 5), (5, 1, 4)])
def test_three_products_against_integers(
    channels: int, largest: int, kernel: int, stride: int, size: int
) -> None:
    """Against sums of integers, position by position; the wide case exceeds what float32 holds."""
    x, weight = whole((2, channels, size, size), 127, 1), whole((2, channels, kernel, kernel), largest, 2)
    if channels > 3:
        # All of one sign: no cancelling keeps the sums small.
        x, weight = x.abs() + 1, weight.abs()
    pad, out = kernel // 2, -(-size // stride)
    padded = np.pad(x.numpy().astype(np.int64), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    w = weight.numpy().astype(np.int64)
    errors = whole((2, 2, out, out), 127, 3)
    e = errors.numpy().astype(np.int64)
    sums, below, gradient = np.zeros(e.shape, np.int64), np.zeros_like(padded), np.zeros_like(w)
    for row in range(out):
        for column in range(out):
            at = np.s_[:, :, row * stride : row * stride + kernel, column * stride : column * stride + kernel]
            sums[:, :, row, column] = np.einsum("nckl,fckl->nf", padded[at], w)
            below[at] += np.einsum("nf,fckl->nckl", e[:, :, row, column], w)
            gradient += np.einsum("nf,nckl->fckl", e[:, :, row, column], padded[at])
    if pad:
        below = below[:, :, pad:-pad, pad:-pad]
    assert bool(np.abs(sums).max() > 1 << 24) == (channels > 3 and kernel > 1)
    for found, expected in (
        (exact.forward(x, weight, stride, ""), sums),
        (exact.below(errors, x, weight, stride, ""), below),
        (exact.gradient(errors, x, weight, stride, ""), gradient),
    ):
        np.testing.assert_array_equal(found.numpy(), expected)


def test_products_of_matrices_are_exact() -> None:
    a, b = torch.full((1, 3000), 127.0), torch.full((3000, 1), 127.0)
    b[0] = 126
    assert int(exact.product(a, b, "head")) == 127 * 127 * 3000 - 127


def test_a_sum_beyond_32_bits_is_refused() -> None:
    with pytest.raises(LearningError, match=r"head: a sum may reach 2147483648, beyond 32 bits; legal"):
        exact.work_type(2.0**31, "head")
    assert exact.work_type(2.0**31 - 1, "head") == torch.float64
    assert exact.work_type(2.0**24 - 1, "head") == torch.float32


def test_batches_and_networks_beyond_32_bits_are_refused() -> None:
    network = residual_network((1, 64, 64), (4, 1), ())
    network.check_batch(32)
    small = Network((1, 6, 6), (Layer("a", 0, 4, stride=2),))
    small.check_batch(16)
    with pytest.raises(
        LearningError, match=r"batch of 24.* 24 last maps of 3×3 .*16 lanes; legal: mult.* 16"
    ):
        small.check_batch(24)
    with pytest.raises(
        LearningError, match=r"layer conv: 135168 terms of a gradient may reach 2197291008; leg"
    ):
        network.check_batch(33)
    with pytest.raises(LearningError, match=r"layer wide: 270000 terms of a sum may reach"):
        Network((30_000, 4, 4), (Layer("wide", 0, 4),))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"classes": 1}, "'classes' = 1; legal: 2…256"),
        ({"counter_bits": 2}, "'counter_bits' = 2; legal: 3…8"),
        ({"counter_bits": 9}, "'counter_bits' = 9; legal: 3…8"),
        ({"layers": ()}, "without layers"),
        ({"layers": (Layer("a", 1, 4),)}, "layer a: field 'source' = 1; legal: 0…0"),
        ({"layers": (Layer("a", 0, 0),)}, "layer a: field 'filters' = 0"),
        ({"layers": (Layer("a", 0, 4, kernel=2),)}, "layer a: field 'kernel' = 2"),
        ({"layers": (Layer("a", 0, 4, add=0),)}, "layer a: field 'add' = 0"),
        (
            {"layers": (Layer("a", 0, 4), Layer("b", 1, 5, add=1))},
            "layer b: field 'add' = 1; legal: a map of",
        ),
        ({"layers": (Layer("a", 0, 4), Layer("b", 0, 4))}, "layer a: nothing reads its output"),
        (
            {"layers": (Layer("a", 0, 4), Layer("b", 1, 4, add=1), Layer("c", 2, 4, add=1))},
            "layer a: 2 layers add its output; legal: one at most",
        ),
        (
            {"layers": (Layer("a", 0, 4), Layer("b", 1, 4, add=1), Layer("c", 1, 4, add=2))},
            "layer a: layer c reads its output after layer b added it",
        ),
        (
            {"layers": (Layer("a", 0, 4), Layer("b", 0, 4, add=1))},
            "layer a: has a ReLU, but its output is only added; legal: relu=False",
        ),
        (
            {"layers": (Layer("a", 0, 4, stride=3),)},
            "image of 8×8 before strides of 3 in all; legal: sizes that 3 divides",
        ),
        (
            {"image": (1, 8, 3), "layers": (Layer("a", 0, 4), Layer("b", 1, 4, stride=2))},
            "image of 8×3 before strides of 2 in all",
        ),
        (
            {
                "image": (1, 1, 1),
                "layers": (Layer("a", 0, 4), Layer("b", 1, 4, relu=False), Layer("c", 1, 4, stride=2, add=2)),
            },
            "layer a: strides behind it come to 2 by layer c, to 1 by layer b",
        ),
    ],
)
def test_networks_that_cannot_be(changes: dict[str, object], text: str) -> None:
    settings: dict[str, object] = {"image": (1, 8, 8), "layers": (Layer("a", 0, 4),), **changes}
    with pytest.raises(LearningError) as caught:
        Network(**settings)  # type: ignore[arg-type]
    assert text in str(caught.value)
