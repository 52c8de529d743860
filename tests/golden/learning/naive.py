"""A step of training from docs/learning.md, value by value.

The norm is LightNorm's integer model, the rules of one number are golden.spec's; of golden.learning
only the records are used. Maps are lists: [channel][image][pixel].
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import torch

from golden.learning import Network, Rates, State
from golden.learning.state import LayerState
from golden.lightnorm import unit
from golden.lightnorm.blocks import encode
from golden.lightnorm.scalars import Scalars
from golden.spec.block import PRESETS, Spikes, constants
from golden.spec.block import scalar as nearest_scalar
from golden.spec.learning import moved_gradient, stochastic, switched
from tests.golden.learning.naive_parts import (
    Naive,
    Plane,
    by_the_contract,
    fraction_bits,
    numbers_of,
    parameters,
    taps,
    to_map,
    two,
)

LIGHT = PRESETS["light"]


def naive_step(
    network: Network, state: State, images: torch.Tensor, labels: torch.Tensor, rates: Rates
) -> State:
    """The state after one step."""
    it, count, layers = Naive(network, state, rates), len(images), network.layers
    exponents = [-7, *(each.activation for each in state.layers)]
    maps: list[Plane] = [images.flatten(2).transpose(0, 1).tolist()]
    passes, norms, activations = [], [], []
    for index, (layer, now) in enumerate(zip(layers, state.layers, strict=True)):
        channels, height, width = network.shape(layer.source)
        _, out_h, out_w = network.shape(index + 1)
        codes, x = now.codes.flatten(2).tolist(), maps[layer.source]
        sums = np.zeros((layer.filters, count, out_h * out_w), np.int64)
        for out, place, pixel in taps(layer, height, width):
            for f in range(layer.filters):
                for n in range(count):
                    sums[f, n, out] += sum(codes[f][c][place] * x[c][n][pixel] for c in range(channels))
        flat, host = sums.reshape(layer.filters, -1), constants(count * out_h * out_w)
        blocks, _ = encode(flat, np.array([[exponents[layer.source] + layer.unit]]), LIGHT.forward)
        gamma = parameters(now.gamma)
        y, found, _ = unit.forward(blocks, gamma, parameters(now.beta), host, LIGHT)
        grid = two(y.format.grid)
        real = [[int(v) * grid for v in row] for row in y.integers()]
        pixels = out_h * out_w
        planes = [[row[n * pixels : (n + 1) * pixels] for n in range(count)] for row in real]
        if layer.add is not None:
            other, scale = maps[layer.add], two(exponents[layer.add])
            planes = [
                [[v + o * scale for v, o in zip(vs, os, strict=True)] for vs, os in zip(p, q, strict=True)]
                for p, q in zip(planes, other, strict=True)
            ]
        positive = [[[not layer.relu or v > 0 for v in row] for row in plane] for plane in planes]
        if layer.relu:
            planes = [[[max(v, Fraction(0)) for v in row] for row in plane] for plane in planes]
        made, moved, whole = to_map(planes, now.activation)
        maps.append(made)
        passes.append(np.array(positive) & np.array(whole))
        norms.append((blocks, found, gamma, host))
        activations.append(moved)
    # The head.
    head, mean_scale, features = state.head, two(exponents[-1] - network.pool_shift), network.features
    pooled = [[[sum(maps[-1][c][n]) * mean_scale for n in range(count)]] for c in range(features)]
    vector, head_activation, head_whole = to_map(pooled, head.activation)
    weights = [[max(-127, min(127, round(Fraction(w, 16)))) for w in row] for row in head.weights.tolist()]
    wanted, classes = labels.tolist(), range(network.classes)
    gaps = [[[0] * count] for _ in classes]
    for n in range(count):
        logits = []
        for k in classes:
            product = sum(weights[k][c] * vector[c][0][n] for c in range(features))
            logits.append(round(product * two(head.activation - 7 + 10)) + int(head.bias[k]))
        found_p, _ = by_the_contract(logits, wanted[n])
        for k in classes:
            real_gap = (found_p[k] - 65536 * (k == wanted[n])) * two(-16 - (count - 1).bit_length())
            gaps[k][0][n] = fraction_bits(real_gap, head.error)
    errors, head_error = it.to_error(gaps, head.error)
    terms = it.powers(errors)
    below = [
        [
            [
                fraction_bits(
                    sum(weights[k][c] * terms[k][0][n] for k in classes) * two(head.error - 7), head.map_error
                )
                * head_whole[c][0][n]
                for n in range(count)
            ]
        ]
        for c in range(features)
    ]
    sent, head_map_error = it.to_error(below, head.map_error)
    order = [
        (k, c)
        for first in range(0, network.classes, network.round_filters)
        for c in range(features)
        for k in range(first, min(first + network.round_filters, network.classes))
    ]
    head_unit = two(head.error + head.activation)
    grads = [sum(terms[k][0][n] * vector[c][0][n] for n in range(count)) * head_unit for k, c in order]
    moved_weights = it.moved_parameters([int(head.weights[k, c]) for k, c in order], grads, -11, 2032)
    new_weights = head.weights.clone()
    for (k, c), value in zip(order, moved_weights, strict=True):
        new_weights[k, c] = value
    sums_b = [sum(errors[k][0]) * two(head.error) for k in classes]
    new_bias = it.moved_parameters(head.bias.tolist(), sums_b, -10, 32767)
    new_head = replace(
        head,
        weights=new_weights,
        bias=torch.tensor(new_bias, dtype=torch.int16),
        activation=head_activation,
        error=head_error,
        map_error=head_map_error,
    )
    # The layers, last to first.
    arrived: dict[int, np.ndarray] = {}

    def send(index: int, values: list[list[list[Fraction]]]) -> None:
        if index:
            target = state.layers[index - 1].map_error
            found_bits = np.array([[[fraction_bits(v, target) for v in r] for r in p] for p in values])
            arrived[index] = arrived.get(index, 0) + found_bits

    pixels = len(maps[-1][0][0])
    last_scale = two(head.map_error - network.pool_shift)
    send(
        len(layers), [[[sent[c][0][n] * last_scale] * pixels for n in range(count)] for c in range(features)]
    )
    new_layers = []
    for index in reversed(range(len(layers))):
        layer, now, (blocks, found, gamma, host) = layers[index], state.layers[index], norms[index]
        output, map_error = it.to_error((arrived[index + 1] * passes[index]).tolist(), now.map_error)
        if layer.add is not None:
            send(layer.add, [[[v * two(now.map_error) for v in r] for r in p] for p in output])
        flat = np.array(output, np.int64).reshape(layer.filters, -1)
        dy, _ = encode(flat, np.array([[0]]), LIGHT.gradient)
        back = unit.backward(blocks, dy, found, gamma, host, LIGHT, Spikes.APART)
        grid = two(back.dx.format.grid)
        dx = [[int(v) * grid for v in row] for row in back.dx.integers()]
        for f, spike in enumerate(numbers_of(back.apart)):
            for high, low in zip(found.highest[f].tolist(), found.lowest[f].tolist(), strict=True):
                if high != low:
                    for place, side in ((high, -1), (low, 1)):
                        rounded = nearest_scalar(dx[f][place] + side * spike)
                        dx[f][place] = rounded.mantissa * two(rounded.exponent)
        channels, height, width = network.shape(layer.source)
        pixels = len(output[0][0])
        fine = [
            [
                [fraction_bits(v * two(now.map_error), now.error) for v in row[n * pixels : (n + 1) * pixels]]
                for n in range(count)
            ]
            for row in dx
        ]
        errors, error = it.to_error(fine, now.error)
        terms = it.powers(errors)
        places, x = taps(layer, height, width), maps[layer.source]
        codes = now.codes.flatten(2).tolist()
        if layer.source:
            sums = np.zeros((channels, count, height * width), np.int64)
            for out, place, pixel in places:
                for c in range(channels):
                    for n in range(count):
                        sums[c, n, pixel] += sum(
                            codes[f][c][place] * errors[f][n][out] for f in range(layer.filters)
                        )
            unit_of = two(now.error + layer.unit)
            send(layer.source, [[[int(v) * unit_of for v in r] for r in p] for p in sums])
        g = np.zeros((layer.filters, channels, layer.kernel**2), np.int64)
        for out, place, pixel in places:
            for f in range(layer.filters):
                for c in range(channels):
                    g[f, c, place] += sum(terms[f][n][out] * x[c][n][pixel] for n in range(count))
        code_unit = now.error + exponents[layer.source]
        codes_next, counters_next, level = _codes(it, network, now, g.reshape(layer.filters, -1), code_unit)
        gamma_next, beta_next = (
            torch.tensor(
                it.moved_parameters(
                    old.tolist(), [v * two(now.map_error) for v in numbers_of(sums_of)], -10, 32767
                ),
                dtype=torch.int16,
            )
            for old, sums_of in ((now.gamma, back.gradients.gamma), (now.beta, back.gradients.beta))
        )
        new_layers.append(
            replace(
                now,
                codes=codes_next,
                counters=counters_next,
                gamma=gamma_next,
                beta=beta_next,
                mean=_followed(now.mean, found.mean, network.share),
                spread=_followed(now.spread, found.spread, network.share),
                activation=activations[index],
                map_error=map_error,
                error=error,
                gradient=level,
            )
        )
    return State(tuple(reversed(new_layers)), new_head, it.lfsr, state.steps + 1)


def _codes(
    it: Naive, network: Network, now: LayerState, sums: np.ndarray, unit_of: int
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """The rule of section 9 for the kept codes, in their order: codes, counters, the next g."""
    kept, bits, size = now.mask.flatten(1).tolist(), network.counter_bits, network.round_filters
    order = [
        (f, place)
        for first in range(0, len(kept), size)
        for place in range(len(kept[0]))
        for f in range(first, min(first + size, len(kept)))
        if kept[f][place]
    ]
    codes, counters = now.codes.flatten(1).clone(), now.counters.flatten(1).clone()
    assert it.rates.code is not None
    scale, limit, total = two(bits - 1 + it.rates.code + unit_of - now.gradient), (1 << bits) << 16, 0
    for (f, place), draw in zip(order, it.numbers(len(order)), strict=True):
        value = int(sums[f, place])
        total += abs(value)
        move = stochastic(max(-limit, min(limit, round(-value * scale * 65536))), 16, draw)
        code, counter = switched(int(codes[f, place]), int(counters[f, place]), move, bits)
        codes[f, place], counters[f, place] = code, counter
    level = moved_gradient(now.gradient, total, unit_of, len(order))
    return codes.reshape(now.codes.shape), counters.reshape(now.codes.shape), level


def _followed(running: Scalars, batch: Scalars, share: int) -> Scalars:
    """The scalar nearest to running + (the scalar nearest to batch − running) · 2^−share."""
    found = []
    for r, b in zip(numbers_of(running), numbers_of(batch), strict=True):
        gap = nearest_scalar(b - r)
        found.append(nearest_scalar(r + gap.mantissa * two(gap.exponent - share)))
    mantissas, exponents = ([getattr(v, name) for v in found] for name in ("mantissa", "exponent"))
    return Scalars(np.array(mantissas, np.int64), np.array(exponents, np.int64))
