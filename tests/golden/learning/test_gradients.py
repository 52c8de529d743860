"""Gradients against float64 autograd: the mean over many LFSR seeds goes to the exact gradient."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from golden.learning import norm
from golden.learning.backward import Backward
from golden.learning.forward import forward
from golden.learning.softmax import softmax
from golden.learning.state import State
from golden.numerics.lfsr import RandomWords
from golden.spec.learning import LANES, seeded
from tests.golden.learning.floats import FloatGradients, gradients, range_norm
from tests.golden.learning.samples import NETWORK, batch, coarser, settled

SEEDS = 150


def float_backward(errors: torch.Tensor, normed: norm.Normed) -> norm.NormGradients:
    """The norm's backward pass without any rounding: linear, so expectations go through it."""
    x = normed.blocks.to(torch.float64).requires_grad_()
    gamma = torch.from_numpy(normed.gamma.floats()).requires_grad_()
    beta = torch.zeros(len(gamma), dtype=torch.float64, requires_grad=True)
    with torch.enable_grad():
        y = range_norm(x, gamma, beta, normed)
        dx, dgamma, dbeta = torch.autograd.grad(y, (x, gamma, beta), errors.to(torch.float64))
    return norm.NormGradients(dx, dgamma.numpy(), dbeta.numpy())


class Samples:
    """Gradients of one batch by many seeds, and the exact ones."""

    def __init__(self, state: State, seeds: int) -> None:
        images, labels = batch()
        trace = forward(NETWORK, state, images.to(torch.float32))
        found = softmax(trace.head.logits.numpy().astype(np.int64), labels.numpy())
        errors = torch.from_numpy(found.probabilities / 65536.0)
        errors[torch.arange(len(labels)), labels] -= 1
        self.exact: FloatGradients = gradients(NETWORK, state, trace, errors / len(labels))
        self.rows: dict[str, list[np.ndarray]] = {}
        for seed in range(seeds):
            back = Backward(NETWORK, state, trace, RandomWords(seeded(seed)))
            head = back.head(found, labels.numpy())
            self._add("head", head.weights.numpy() * 2.0**head.weight_unit)
            self._add("bias", head.bias * 2.0**head.bias_unit)
            for index in reversed(range(len(NETWORK.layers))):
                layer = back.layer(index)
                self._add(f"weights {index}", layer.codes.numpy().astype(np.float64) * 2.0**layer.code_unit)
                self._add(f"gamma {index}", layer.gamma * 2.0**layer.norm_unit)
                self._add(f"beta {index}", layer.beta * 2.0**layer.norm_unit)

    def _add(self, name: str, values: np.ndarray) -> None:
        self.rows.setdefault(name, []).append(values.ravel())

    def expected(self, name: str) -> np.ndarray:
        kind, _, index = name.partition(" ")
        value = getattr(self.exact, kind)
        return np.asarray((value[int(index)] if index else value).numpy().ravel())


def test_the_mean_over_seeds_is_the_exact_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every rounding of errors is unbiased: with a norm that does not round, no gradient of any kind is
    farther from autograd's than its standard errors explain."""
    monkeypatch.setattr(norm, "backward", float_backward)
    samples = Samples(coarser(settled(), 1), SEEDS)
    for name, rows in samples.rows.items():
        values, exact = np.array(rows), samples.expected(name)
        error = values.std(0, ddof=1) / SEEDS**0.5
        noisy = error > 0
        assert noisy.mean() > 0.5, name
        assert np.allclose(values.mean(0)[~noisy], exact[~noisy]), name
        scores = ((values.mean(0) - exact)[noisy]) / error[noisy]
        assert np.abs(scores).max() < 6, name
    scores = np.concatenate(
        [
            (np.mean(rows, 0) - samples.expected(name)) / (np.std(rows, 0, ddof=1) / SEEDS**0.5 + 1e-30)
            for name, rows in samples.rows.items()
            if name.startswith("weights")
        ]
    )
    assert 0.7 < np.mean(scores**2) < 1.3


def test_with_the_norm_of_the_device_the_direction_stays() -> None:
    """LightNorm's blocks of four bits round to nearest, which is no unbiased rule: its share of the mean
    gradient stays below a quarter, and along the exact gradient below a tenth."""
    samples = Samples(settled(), 60)
    for name, rows in samples.rows.items():
        if name.startswith(("weights", "head", "bias")):
            mean, exact = np.mean(rows, 0), samples.expected(name)
            assert np.linalg.norm(mean - exact) < 0.25 * np.linalg.norm(exact), name
            assert mean @ exact == pytest.approx(exact @ exact, rel=0.1), name


def test_most_moves_of_a_batch_are_against_the_exact_gradient() -> None:
    """One step's gradient of the kept codes, as the update takes it, has the sign of autograd's where that
    is not small."""
    state = settled()
    samples = Samples(state, 1)
    for index, it in enumerate(state.layers):
        kept = it.mask.flatten().numpy()
        found, exact = samples.rows[f"weights {index}"][0][kept], samples.expected(f"weights {index}")[kept]
        large = np.abs(exact) > np.abs(exact).mean()
        assert (np.sign(found) == np.sign(exact))[large].mean() > 0.9


def test_a_batch_takes_the_words_that_the_contract_counts() -> None:
    state = replace(settled(), lfsr=seeded(5))
    images, labels = batch()
    trace = forward(NETWORK, state, images.to(torch.float32))
    found = softmax(trace.head.logits.numpy().astype(np.int64), labels.numpy())
    words = RandomWords(state.lfsr)
    back = Backward(NETWORK, state, trace, words)
    back.head(found, labels.numpy())
    for index in reversed(range(len(NETWORK.layers))):
        back.layer(index)
    count = 2 * NETWORK.classes + NETWORK.features
    for index in range(1, len(NETWORK.layers) + 1):
        channels, height, width = NETWORK.shape(index)
        count += 3 * channels * len(images) * -(-height * width // LANES)
    expected = RandomWords(seeded(5))
    expected.take(count)
    assert words.state == expected.state
