"""Distances against figures made another way, and what is near enough."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from golden.compiler import compile_network
from golden.compress import compress, import_module, int8_plan
from golden.compress.floats import FloatFileError, pack_floats, real_graph, unpack_floats
from golden.compress.quantized_layer import QuantizedLayer
from golden.fidelity import Bounds, Distances, NoReferenceError, TensorDistance, distances, reference_network
from golden.fidelity.measure import changed_labels, decibel
from golden.graph.floats import run_float
from golden.graph.reference import run_network
from golden.machine.tensors import quantise
from golden.spec.config import TINY
from golden.spec.errors import LightDealError
from tests.golden.compressed import compressed, images, residual

CONFIG = replace(TINY, coefficient_words=2048, feature_words=512)


def test_signal_to_noise_against_the_modules_own_values() -> None:
    """Dense int8, each tensor beside what PyTorch's own modules give; 200 images are more than a batch."""
    module, real = residual(), images(200)
    made = compress(module, real, int8_plan())
    whole = quantise(real.numpy(), made.network.features["input"].scale)
    tensors = run_network(made.network, whole)
    program = compile_network(made.network, replace(CONFIG, coefficient_words=8192))
    found = distances(made.network, program, tensors, real.numpy())
    with torch.no_grad():
        first = torch.relu(module.norm(module.first(real)))
        second = torch.relu(module.second(first) + first)
        wanted = {
            "input": real,
            "first": first,
            "second": second,
            "down": torch.relu(module.down_norm(module.down(second))).mean((2, 3), keepdim=True),
            "last": module(real)[:, :, None, None],
        }
    assert [it.tensor for it in found.tensors] == list(wanted)
    for it in found.tensors:
        floats = wanted[it.tensor].double().numpy()
        error = tensors[it.tensor] * made.network.features[it.tensor].scale - floats
        assert it.own_snr == pytest.approx(10 * np.log10((floats**2).mean() / (error**2).mean()), abs=0.01)
        assert it.own_snr > 25
        saturated = np.isin(tensors[it.tensor], (-128, 127)).mean()
        assert it.saturated == pytest.approx(saturated)
    labels = wanted["last"].numpy().argmax(1)
    assert found.changed == np.count_nonzero(tensors["last"].argmax(1) != labels)
    assert found.labels == 200
    clipped = np.abs(np.rint(real.numpy() / program.tensor("input").scale) + 0.5) > 128
    assert found.clipped == pytest.approx(clipped.mean())


def test_steps_of_the_last_layer() -> None:
    """The linear layer alone, computed from the integers before it."""
    module = residual()
    made = compressed(module)
    whole = quantise(images().numpy(), made.network.features["input"].scale)
    tensors = run_network(made.network, whole)
    (it,) = distances(made.network, compile_network(made.network, CONFIG), tensors, images().numpy()).tensors[
        -1:
    ]
    stage = made.module.stages[-1]
    assert isinstance(stage, QuantizedLayer)
    weight = stage.real_weight().detach().numpy().reshape(5, 9)
    scale = made.network.features
    read = tensors["down"].reshape(60, 9) * scale["down"].scale
    exact = (read @ weight.T + module.last.bias.detach().numpy()) / scale["last"].scale
    error = np.sqrt(np.square(tensors["last"].reshape(60, 5) - exact).mean(0))
    size = np.sqrt(np.square(exact).mean(0))
    steps = error / np.maximum(1, size / 40)
    assert it.channel == steps.argmax()
    assert it.steps == pytest.approx(steps.max(), rel=1e-3)


def test_float_networks_come_back_as_they_were() -> None:
    own = import_module(residual(), images())
    made = compressed(residual())
    again, real = unpack_floats(pack_floats(own, real_graph(made.module)))
    assert torch.equal(run_float(again, images()), run_float(own, images()))
    assert torch.equal(run_float(real, images()), run_float(real_graph(made.module), images()))
    assert (again.shapes, again.maps, again.output) == (own.shapes, own.maps, own.output)
    assert unpack_floats(made.network.floats)[0].shapes == own.shapes
    assert pack_floats(own, real_graph(made.module)) == made.network.floats
    for wrong in (b"", b"PK", made.network.floats[:-40]):
        with pytest.raises(FloatFileError, match="float networks: their contents are incomplete"):
            unpack_floats(wrong)


def test_the_compressed_network_in_floats_is_what_pruning_left() -> None:
    """Where nothing is pruned away or rounded to powers of two, it is the user's own network."""
    module = residual()
    for norm in (module.norm, module.down_norm):
        norm.reset_parameters()
    real = real_graph(compress(module, images(), int8_plan()).module)
    with torch.no_grad():
        wanted = module(images())
    assert torch.allclose(run_float(real, images()).flatten(1), wanted, rtol=0.02, atol=0.02)
    pruned = real_graph(compressed(module, 0.3).module)
    density = [float((it.convolution.weight != 0).float().mean()) for it in pruned.layers]
    assert min(density[0], density[3]) > 0.95
    assert density[1] < 0.9


def test_the_reference_is_the_network() -> None:
    network = compressed(residual()).network
    program = compile_network(network, CONFIG)
    again = reference_network(program)
    assert again.floats == network.floats
    inputs = quantise(images().numpy(), network.features["input"].scale)
    for name, values in run_network(network, inputs).items():
        np.testing.assert_array_equal(run_network(again, inputs)[name], values)
    with pytest.raises(NoReferenceError, match="no float network in this program"):
        distances(replace(network, floats=b""), program, {}, images().numpy())


@pytest.mark.parametrize(
    ("signal", "noise", "expected"),
    [(100.0, 1.0, 20.0), (1.0, 2.0, -3.0103), (0.0, 0.0, math.inf), (0.0, 1.0, -math.inf)],
)
def test_decibel(signal: float, noise: float, expected: float) -> None:
    assert decibel(signal, noise) == pytest.approx(expected, abs=1e-4)


def test_decibel_of_what_is_no_number() -> None:
    assert math.isnan(decibel(math.inf, math.inf))
    assert math.isnan(decibel(math.nan, 1.0))


def test_changed_labels() -> None:
    wanted = np.array([[1.0, 2.0], [2.0, 1.0], [0.0, 0.5]])[:, :, None, None]
    assert changed_labels(wanted, wanted) == 0
    assert changed_labels(wanted[:, ::-1], wanted) == 3
    assert changed_labels(wanted[[0, 0, 0]], wanted) == 1
    # Each pixel of a map has its label.
    maps = np.zeros((1, 2, 1, 3))
    maps[0, 1] = 1.0
    other = maps.copy()
    other[0, :, 0, 1] = 1.0, 0.0
    assert changed_labels(other, maps) == 1
    # One channel: half a standard deviation (0.5) away.
    single = np.array([-1.0, 1.0, 1.0, -1.0]).reshape(4, 1, 1, 1)
    assert changed_labels(single + 0.49, single) == 0
    assert changed_labels(single + np.array([0.51, 0, -0.51, math.nan]).reshape(4, 1, 1, 1), single) == 3


def test_what_is_near_enough() -> None:
    right = TensorDistance("a", "a", 30.0, 0.5, 0, 0.0, 2.0)
    bounds = Bounds(snr=20)

    def found(**changes: Any) -> list[str]:
        return Distances((right, replace(right, tensor="b", layer="b", **changes)), 50, 5, 0.0).faults(bounds)

    assert found() == []
    for changes in (
        {"snr": 19.9},
        {"snr": -math.inf},
        {"snr": math.nan},
        {"steps": 2.1},
        {"steps": math.nan},
    ):
        (fault,) = found(**changes)
        assert fault.startswith("1 of 2 tensors are too far from the floats"), changes
        assert "first b (" in fault
        assert "demanded: 20 dB and at most 2 steps" in fault
    assert Distances((right,), 50, 6, 0.0).faults(bounds) == [
        "6 of 50 labels (12.0%) are not those of the float network before compression; at most 10.0% may "
        "differ"
    ]
    assert [Bounds(changed=it).allowed(7) for it in (0, 0.1, 0.5, 1)] == [0, 1, 3, 7]
    assert Distances((replace(right, snr=1, steps=9),), 50, 50, 0.0).faults(Bounds(0, 1)) == []
    assert not Bounds(0, 1).demand
    assert Bounds(0, 0.9).demand


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"snr": -1.0}, "bound snr = -1; legal: decibels from 0 on"),
        ({"snr": math.nan}, "bound snr = nan"),
        ({"changed": 1.5}, "bound changed = 1.5; legal: a share from 0 to 1"),
        ({"changed": math.nan}, "bound changed = nan"),
    ],
)
def test_bounds_that_make_no_sense(values: dict[str, float], words: str) -> None:
    with pytest.raises(LightDealError, match=words):
        Bounds(**values)
