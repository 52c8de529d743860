"""The order of writes, and the way back from writes to tensors."""

import numpy as np
import pytest

from golden.compiler import compile_network
from golden.graph.reference import run_network
from golden.machine.writes import tensors_from_writes, trace_program, writes_of_layers
from golden.spec.config import SMALL, TINY, Config
from tests.golden.networks import random_images, random_network


@pytest.mark.parametrize("config", [TINY, SMALL], ids=lambda config: config.name)
@pytest.mark.parametrize("seed", range(300, 310))
def test_tensors_come_back_from_their_writes(seed: int, config: Config) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng, config)
    program = compile_network(network, config)
    images = random_images(rng, network, 2)
    expected = run_network(network, images)
    writes = trace_program(program, images)
    assert np.bincount(writes.layer).tolist() == list(writes_of_layers(program))
    assert (np.diff(writes.layer) >= 0).all()
    for number in range(len(images)):
        tensors = tensors_from_writes(program, writes.address, writes.enable, writes.data[number])
        assert list(tensors) == [layer.output for layer in network.layers]
        for name, tensor in tensors.items():
            np.testing.assert_array_equal(tensor.values, expected[name][number], f"seed {seed}, {name}")
            assert (tensor.write >= 0).all()


def test_filters_of_a_job_are_complete_in_order() -> None:
    """Slices inside filters, filters inside tiles, tiles inside rounds."""
    network = random_network(np.random.default_rng(301), TINY)
    program = compile_network(network, TINY)
    writes = trace_program(program, random_images(np.random.default_rng(0), network, 1))
    first = program.tensors[1]
    count = writes_of_layers(program)[0]
    slices = TINY.lanes // TINY.basis
    address, enable = writes.address[:count], writes.enable[:count]
    assert (address.reshape(-1, slices) == address[::slices, None]).all()
    assert (enable.reshape(-1, slices, TINY.lanes).sum(axis=1) == 1).all()
    assert sorted(address[::slices]) == list(range(first.address, first.address + count // slices))


def test_missing_and_surplus_writes() -> None:
    network = random_network(np.random.default_rng(302), TINY)
    program = compile_network(network, TINY)
    writes = trace_program(program, random_images(np.random.default_rng(0), network, 1))
    *_, last = counts = writes_of_layers(program)
    cut = sum(counts) - last // 2
    tensors = tensors_from_writes(program, writes.address[:cut], writes.enable[:cut], writes.data[0, :cut])
    assert (tensors[network.output].write < 0).any()
    with pytest.raises(ValueError, match=rf"^{sum(counts) + 1} writes; the program makes {sum(counts)}$"):
        tensors_from_writes(
            program, *(np.concatenate([a, a[-1:]]) for a in (writes.address, writes.enable, writes.data[0]))
        )
