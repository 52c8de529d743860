"""Gradients against float64 autograd: the mean over many LFSR seeds goes to the exact gradient."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from golden.learning import STILL, Statistics, everything, fresh_state, norm, residual_network, step
from golden.learning.backward import Backward
from golden.learning.forward import forward
from golden.learning.random import Generators
from golden.learning.softmax import softmax
from golden.learning.state import State, seeded_generators
from golden.numerics.lfsr import RandomWords
from golden.spec.learning import Generator, Lfsr
from tests.golden.learning.floats import FloatGradients, gradients, range_norm
from tests.golden.learning.samples import NETWORK, batch, coarser, settled

SEEDS = 150
ALL = everything(NETWORK)


def float_backward(errors: torch.Tensor, normed: norm.Normed, _: Statistics) -> norm.NormGradients:
    """The norm's backward pass without any rounding: linear, so expectations go through it."""
    x = normed.blocks.to(torch.float64).requires_grad_()
    gamma = torch.from_numpy(normed.gamma.floats()).requires_grad_()
    beta = torch.zeros(len(gamma), dtype=torch.float64, requires_grad=True)
    with torch.enable_grad():
        y = range_norm(x, gamma, beta, normed)
        dx, dgamma, dbeta = torch.autograd.grad(y, (x, gamma, beta), errors.to(torch.float64))
    nowhere = torch.zeros((len(x), 0), dtype=torch.int64)
    return norm.NormGradients(dx, nowhere.to(torch.float64), nowhere, dgamma.numpy(), dbeta.numpy())


class Samples:
    """Gradients of one batch by many seeds, and the exact ones."""

    def __init__(self, state: State, seeds: int, statistics: Statistics = Statistics.BATCH) -> None:
        images, labels = batch()
        scheme = replace(ALL, statistics=statistics)
        trace = forward(NETWORK, state, images.to(torch.float32), statistics)
        found = softmax(trace.head.logits.numpy().astype(np.int64), labels.numpy())
        errors = torch.from_numpy(found.probabilities / 65536.0)
        errors[torch.arange(len(labels)), labels] -= 1
        self.exact: FloatGradients = gradients(NETWORK, state, trace, errors / len(labels))
        self.rows: dict[str, list[np.ndarray]] = {}
        for seed in range(seeds):
            back = Backward(NETWORK, state, trace, Generators(seeded_generators(seed)), scheme)
            head = back.head(found, labels.numpy())
            assert head.weights is not None
            self._add("head", head.weights.numpy() * 2.0**head.weight_unit)
            self._add("bias", head.bias * 2.0**head.bias_unit)
            for index in reversed(range(len(NETWORK.layers))):
                layer = back.layer(index)
                assert layer is not None
                assert layer.codes is not None
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


@pytest.mark.parametrize("statistics", Statistics)
def test_with_the_norm_of_the_device_the_mean_is_within_its_words(statistics: Statistics) -> None:
    """The words of the norm's backward pass have ten bits (docs/lightnorm.md, section 7): three norms below
    the loss no mean gradient is farther from autograd's than 1 % and what its standard errors explain."""
    samples = Samples(coarser(settled(), 1), SEEDS, statistics)
    for name, rows in samples.rows.items():
        values, exact = np.array(rows), samples.expected(name)
        noise = np.linalg.norm(values.std(0, ddof=1)) / SEEDS**0.5
        assert np.linalg.norm(values.mean(0) - exact) < 0.01 * np.linalg.norm(exact) + 3 * noise, name
        along = values @ exact / (exact @ exact)
        assert abs(along.mean() - 1) < 0.01 + 4 * along.std(ddof=1) / SEEDS**0.5, name


def test_the_mean_of_large_channels_is_not_off() -> None:
    """What all errors of a channel are off by adds up in a gradient: over 32,768 of them it stays below a
    tenth of what one standard error of their sum is."""
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(0, 1, (12, 32768)).astype(np.float32))
    errors = torch.from_numpy(np.clip(np.rint(rng.normal(0.3, 9, x.shape)), -127, 127).astype(np.float32))
    it = fresh_state(residual_network((1, 4, 4), (12, 1), ()), 0).layers[0]
    normed = norm.forward(x, it, Statistics.BATCH)
    found = norm.backward(errors, normed, Statistics.BATCH)
    exact = float_backward(errors, normed, Statistics.BATCH).dx
    dx = found.dx.scatter_add(1, found.places, found.spikes)
    off = (dx - exact).sum(1).abs() / (exact.std(1) * 32768**0.5)
    assert off.max() < 0.1


def test_most_moves_of_a_batch_are_against_the_exact_gradient() -> None:
    """One step's gradient of the kept codes, as the update takes it, has the sign of autograd's where that
    is not small."""
    state = settled()
    samples, agree = Samples(state, 5), []
    for index, it in enumerate(state.layers):
        kept = it.mask.flatten().numpy()
        exact = samples.expected(f"weights {index}")[kept]
        found = np.array(samples.rows[f"weights {index}"])[:, kept]
        agree.append((np.sign(found) == np.sign(exact))[:, np.abs(exact) > np.abs(exact).mean()])
    assert np.concatenate(agree, 1).mean() > 0.95


def test_a_step_takes_the_words_that_the_contract_counts() -> None:
    state, (images, labels) = settled(), batch()
    after, _ = step(NETWORK, state, images, labels, STILL)
    images_, classes, features = len(images), NETWORK.classes, NETWORK.features
    # Two words of the generator for 16 lanes.
    map_words = [
        channels * 2 * images_ * height * width // 16
        for channels, height, width in map(NETWORK.shape, range(1, len(NETWORK.layers) + 1))
    ]
    # Maps 1 and 4 of the two blocks have two readers each, map 2 and 5 one: block2 has a shortcut.
    readers = [
        sum(layer.source == index for layer in NETWORK.layers) for index in range(1, len(map_words) + 1)
    ]
    numbers = [
        sum(-(-int(each.mask[first : first + size].sum()) // 4) for first in range(0, len(each.mask), size))
        for each, size in ((it, -(-len(it.mask) // 4)) for it in state.layers)
    ]
    expected = {
        Generator.ERRORS: sum(words * count for words, count in zip(map_words, readers, strict=True)),
        Generator.NORM: sum(map_words),
        Generator.TERMS: sum(map_words),
        Generator.CODES: sum(numbers),
        Generator.SCALARS: images_ * (2 * classes + features)
        + classes * (features + 1)
        + 2 * sum(layer.filters for layer in NETWORK.layers),
    }
    for generator in Generator:
        assert after.generators[generator] == moved(state.generators[generator], expected[generator])


def moved(state: Lfsr, words: int) -> Lfsr:
    generator = RandomWords(state)
    generator.take(words)
    return generator.state
