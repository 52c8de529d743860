"""Miscompilations and bad integers, planted one at a time: each is seen, and its layer named."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from golden.compiler import build, compile_network
from golden.compiler.taps import tap_table
from golden.compress import compress, import_module
from golden.compress.floats import pack_floats, real_graph
from golden.datapath import protocol
from golden.datapath.entries import Entries
from golden.fidelity import Bounds, NoReferenceError
from golden.graph import network_file
from golden.graph.network import Layer, Network
from golden.graph.operations.weights import Factored
from golden.spec.config import TINY, Config
from golden.spec.errors import LightDealError, ProgramError
from golden.spec.memories import back_record, filter_record
from golden.spec.program import Program
from sim.checks.fidelity import Fidelity, fidelity
from sim.run import run
from tests.golden.compressed import compressed, images, residual
from tests.golden.layers import altered, numbers

CONFIG = replace(TINY, coefficient_words=2048, feature_words=512)
LAYERS = ("first", "second", "down", "last")


@pytest.fixture(scope="module")
def network() -> Network:
    return compressed(residual()).network


def near(program: Program) -> Fidelity:
    return fidelity(program, images().numpy())


def alter(network: Network, path: str, change: Callable[[SimpleNamespace], dict[str, Any]]) -> Network:
    """The network with other fields in one layer; its float networks stay."""
    layers = [altered(it, **change(numbers(it))) if it.path == path else it for it in network.layers]
    assert [it.path for it in layers] == list(LAYERS)
    return replace(network, layers=tuple(layers))


def rescaled(network: Network, name: str, factor: float) -> Network:
    feature = network.features[name]
    return replace(
        network, features=network.features | {name: replace(feature, scale=feature.scale * factor)}
    )


def test_a_right_network_is_near(network: Network) -> None:
    found = near(compile_network(network, CONFIG))
    assert found.faults(Bounds(changed=1)) == ()
    assert found.mismatches == 0
    assert found.compared == 60 * (2 * 6 * 64 + 9 + 5)
    assert found.distances is not None
    assert [it.layer for it in found.distances.tensors] == ["input", *LAYERS]
    # Far more than the bound: faults below are seen because they are faults.
    assert min(it.snr for it in found.distances.tensors) > 27
    assert max(it.steps for it in found.distances.tensors) < 0.7


def weights(layer: SimpleNamespace) -> Factored:
    assert isinstance(layer.weights, Factored)
    return layer.weights


def one(values: np.ndarray, filter_: int, change: Callable[[Any], Any]) -> np.ndarray:
    values = values.copy()
    values[filter_] = change(values[filter_])
    return values


def strongest(layer: SimpleNamespace) -> int:
    """The filter whose bias means most."""
    return int((np.abs(layer.bias) / 2.0**layer.shift).argmax())


def swapped(layer: SimpleNamespace, left: int, right: int) -> dict[str, Any]:
    """Two filters of one group, or of two groups of one filter, in each other's place."""
    ce, order = weights(layer), np.arange(layer.filters)
    order[[left, right]] = right, left
    other = {"bias": layer.bias[order], "shift": layer.shift[order]}
    if ce.basis.shape[-1] == 1:
        kept, coefficients = ce.mask[order], ce.coefficients[order]
        return other | {"weights": replace(ce, coefficients=coefficients, mask=kept, basis=ce.basis[order])}
    basis = ce.basis.copy()
    basis[0][:, [left, right]] = basis[0][:, [right, left]]
    return other | {"weights": replace(ce, basis=basis)}


def turned(layer: SimpleNamespace, axis: int) -> dict[str, Any]:
    ce = weights(layer)
    return {"weights": replace(ce, coefficients=np.flip(ce.coefficients, axis), mask=np.flip(ce.mask, axis))}


PLANTED: dict[str, Callable[[SimpleNamespace], dict[str, Any]]] = {
    "every bias lost": lambda it: {"bias": it.bias * 0},
    "the strongest bias lost": lambda it: {"bias": one(it.bias, strongest(it), lambda _: 0)},
    "the strongest bias negated": lambda it: {"bias": one(it.bias, strongest(it), lambda bias: -bias)},
    "a shift too many": lambda it: {"shift": it.shift + 1},
    "a shift too few": lambda it: {"shift": it.shift - 1},
    "a shift too few in some filters": lambda it: {"shift": it.shift - (np.arange(it.filters) < 3)},
    "two filters swapped": lambda it: swapped(it, 0, 1),
    "input channels in reverse": lambda it: turned(it, 1),
    "basis negated": lambda it: {"weights": replace(weights(it), basis=-weights(it).basis)},
    "basis halved": lambda it: {"weights": replace(weights(it), basis=weights(it).basis // 2)},
    "no coefficients of 8 and more": lambda it: {
        "weights": replace(
            weights(it),
            coefficients=np.where(np.abs(weights(it).coefficients) < 8, weights(it).coefficients, 0),
        )
    },
}


@pytest.mark.parametrize("path", LAYERS)
@pytest.mark.parametrize("name", PLANTED)
def test_wrong_integers_of_a_layer_are_seen(name: str, path: str, network: Network) -> None:
    """A network that is wrong itself is compiled and run as it says; only the floats know better."""
    found = near(compile_network(alter(network, path, PLANTED[name]), CONFIG))
    assert found.mismatches == 0
    (fault,) = found.faults(Bounds(changed=1))
    assert f"tensors are too far from the floats that their integers stand for; first {path} (" in fault


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("first", lambda it: {"relu": False}),
        ("last", lambda it: {"relu": True}),
        ("first", lambda it: turned(it, 2)),
        ("second", lambda it: turned(it, 3)),
        (
            "second",
            lambda it: {"residual": replace(it.residual, align_residual=it.residual.align_residual + 1)},
        ),
        ("second", lambda it: {"residual": replace(it.residual, align_result=it.residual.align_result + 1)}),
        ("second", lambda it: {"residual": replace(it.residual, shift=it.residual.shift + 1)}),
        ("second", lambda it: {"residual": None}),
        ("down", lambda it: {"pool": it.pool + 1}),
        ("down", lambda it: {"pool": it.pool - 1}),
    ],
)
def test_wrong_structure_is_seen(
    path: str, change: Callable[[SimpleNamespace], dict[str, Any]], network: Network
) -> None:
    (fault,) = near(compile_network(alter(network, path, change), CONFIG)).faults(Bounds(changed=1))
    assert f"first {path} (" in fault


@pytest.mark.parametrize("name", ["input", *LAYERS])
@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_wrong_scale_is_seen(name: str, factor: float, network: Network) -> None:
    """In the network, where it misleads later steps, and in the program alone."""
    (fault,) = near(compile_network(rescaled(network, name, factor), CONFIG)).faults(Bounds(changed=1))
    # A coarser or finer input is as near; the layer that reads it takes it for another.
    assert f"first {'first' if name == 'input' else name} (" in fault
    right = compile_network(network, CONFIG)
    tensors = tuple(replace(it, scale=it.scale * factor) if it.name == name else it for it in right.tensors)
    faults = near(replace(right, tensors=tensors)).faults(Bounds(changed=1))
    assert f"tensors whose scale is not the reference network's: {name}" in faults
    assert any("stand for; first " in fault for fault in faults)


def test_images_of_another_size_are_seen() -> None:
    """Calibrated on images of a tenth of the size: what is large saturates."""
    module, small = residual(), images() / 10
    found = near(compile_network(compress(module, small).network, CONFIG))
    assert found.distances is not None
    assert found.distances.clipped > 0.3
    assert found.distances.tensors[0].saturated >= found.distances.clipped
    assert "first input (" in found.faults()[0]


def test_what_saturates_is_noise_but_no_error_of_the_layer(network: Network) -> None:
    """A grid that is eight times too fine: sums leave int8, and what does not is rounded as it should be."""
    finer = rescaled(alter(network, "first", lambda it: {"shift": it.shift - 3}), "first", 1 / 8)
    found = near(compile_network(finer, CONFIG))
    assert found.distances is not None
    first = found.distances.tensors[1]
    assert first.saturated > 0.2
    assert first.snr < 10
    assert first.steps < 1


def test_labels_that_change_are_counted_against_the_users_network() -> None:
    """A network that was ruined on the way: its integers are right for what it became."""
    user, became = residual(), residual()
    became.last.weight.data = became.last.weight.data.flip(0)
    became.last.bias.data = became.last.bias.data.flip(0)
    made = compressed(became)
    floats = pack_floats(import_module(user, images()), real_graph(made.module))
    program = compile_network(replace(made.network, floats=floats), CONFIG)
    found = near(program)
    assert found.distances is not None
    with torch.no_grad():
        wanted = user(images()).argmax(1).numpy()
    inputs = np.clip(np.rint(images().numpy() / program.tensor("input").scale), -128, 127).astype(np.int8)
    got = run(program, inputs).tensors[program.output].reshape(60, 5).argmax(1)
    assert found.distances.changed == (got != wanted).sum() > 6
    assert found.distances.labels == 60
    (fault,) = found.faults()
    assert f"{found.distances.changed} of 60 labels" in fault
    assert "at most 10.0% may differ" in fault
    assert found.faults(Bounds(changed=1)) == ()


def words(program: Program, memory: str, at: int, change: Callable[[int], int]) -> Program:
    values = list(getattr(program, memory))
    values[at] = change(values[at])
    changed: dict[str, Any] = {memory: tuple(values)}
    return replace(program, **changed)


def test_wrong_words_of_a_program_are_seen(network: Network) -> None:
    """The golden machine does what the words say; the reference network what the user's layers say."""
    program = compile_network(network, CONFIG)
    bias = filter_record()
    relu = back_record(CONFIG)

    def heavier(word: int) -> int:
        fields = bias.unpack(word)
        return bias.pack(**{**fields, "bias": fields["bias"] + (1 << fields["shift"] + 4)})

    def bent(word: int) -> int:
        fields = relu.unpack(word)
        return relu.pack(**{**fields, "relu": 1 - fields["relu"]})

    cases = {
        "first": words(program, "filters", 0, heavier),
        "second": words(program, "filters", 6, heavier),
        "down": words(program, "filters", 12, heavier),
        "last": words(program, "back", 3, bent),
    }
    for path, broken in cases.items():
        found = near(broken)
        assert found.mismatches > 0
        assert found.first is not None
        assert found.first.layer == path
        assert (
            f"differs from the reference network in {found.mismatches:,} values; first: layer {path}"
            in (found.faults()[0])
        )


def test_a_bug_in_the_compiler_is_seen(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taps in the wrong order; entries that lose their sign."""

    def late(*arguments: Any) -> Any:
        found = list(tap_table(*arguments))
        return [found[-1], *found[:-1]]

    def careless(config: Config) -> protocol.Datapath:
        found = protocol.datapath(config)

        def positive(layer: Layer, entries: Entries, *rest: Any) -> Any:
            return found.blocks(layer, replace(entries, value=np.abs(entries.value)), *rest)

        return replace(found, blocks=positive)

    for name, bug in (("tap_table", late), ("datapath", careless)):
        with monkeypatch.context() as patch:
            patch.setattr(build, name, bug)
            found = near(compile_network(network, CONFIG))
        assert found.mismatches > 0, name
        assert found.first is not None
        assert found.first.layer == "first", name


def test_what_is_missing_is_said(network: Network) -> None:
    program = compile_network(network, CONFIG)
    with pytest.raises(NoReferenceError, match="no reference network in this program: another release"):
        near(replace(program, reference=b""))
    without = near(compile_network(replace(network, floats=b""), CONFIG))
    assert without.distances is None
    assert without.mismatches == 0
    with pytest.raises(network_file.NetworkFileError, match="reference network of the program: damaged"):
        near(replace(program, reference=program.reference[:-1]))
    with pytest.raises(ProgramError, match="the golden machine stops with INSTRUCTION"):
        near(words(program, "front", 0, lambda _: (1 << 64) - 1))


def test_images_of_another_shape_are_refused(network: Network) -> None:
    for wrong, shape in ((images()[:, :1], (60, 1, 8, 8)), (images()[:0], (0, 2, 8, 8))):
        with pytest.raises(LightDealError) as error:
            fidelity(compile_network(network, CONFIG), wrong.numpy())
        assert str(error.value) == f"images: found shape {shape}; expected (images, 2, 8, 8), at least one"


def test_images_that_are_not_finite_are_refused(network: Network) -> None:
    wrong = images().numpy().copy()
    wrong[3, 1, 2, 5] = np.nan
    wrong[7, 0, 0, 0] = np.inf
    with pytest.raises(
        LightDealError, match=r"2 of 7680 values are not finite, the first at index \(3, 1, 2, 5\)"
    ):
        fidelity(compile_network(network, CONFIG), wrong)
