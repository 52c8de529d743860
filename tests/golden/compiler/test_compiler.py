"""Programs fit their memories, read only what was written, and say what they hold."""

from dataclasses import replace

import numpy as np
import pytest

from golden.compiler import compile_network
from golden.datapath.decode import PairBlock
from golden.graph.network import Network
from golden.graph.operations.add import Add
from golden.graph.operations.global_mean import GlobalMean
from golden.graph.operations.weights import Plain
from golden.machine.decode import DecodedLayer, decode
from golden.machine.writes import trace_program
from golden.spec import formats
from golden.spec.arithmetics import coefficient_record
from golden.spec.config import SMALL, TINY, Config
from golden.spec.memories import filter_record, memory_shape, run_record
from golden.spec.program import Program
from tests.golden.layers import altered
from tests.golden.networks import random_images, random_network
from tests.golden.small import chain, factored

_CASES = [(seed, config) for seed in range(500, 512) for config in (TINY, SMALL)]


def entry_blocks(decoded: DecodedLayer) -> list[PairBlock]:
    """The blocks of all engines; of shift-adds."""
    found = [block for blocks in decoded.blocks for block in blocks]
    assert all(isinstance(block, PairBlock) for block in found)
    return [block for block in found if isinstance(block, PairBlock)]


@pytest.fixture(scope="module", params=_CASES, ids=lambda case: f"{case[0]}-{case[1].name}")
def case(request: pytest.FixtureRequest) -> tuple[Network, Program]:
    seed, config = request.param
    network = random_network(np.random.default_rng(seed), config)
    return network, compile_network(network, config)


def test_every_memory_holds_its_words(case: tuple[Network, Program]) -> None:
    _, program = case
    for number, words in program.contents():
        shape = memory_shape(program.config, number)
        assert len(words) <= shape.depth
        assert all(0 <= word < 1 << shape.bits for word in words)


def _pixels(program: Program, name: str, channel: int) -> set[int]:
    """Bytes of the feature memory that hold pixels of a channel."""
    tensor, lanes = program.tensor(name), program.config.lanes
    _, height, width = tensor.shape
    places = (tensor.position(channel, y, x, lanes) for y in range(height) for x in range(width))
    return {word * lanes + lane for word, lane in places}


def test_rows_hold_pixels_of_their_channel_only(case: tuple[Network, Program]) -> None:
    network, program = case
    lanes = program.config.lanes
    for layer, decoded in zip(network.layers, decode(program), strict=True):
        tile, tap, lane = np.nonzero(decoded.mask)
        offsets = set((decoded.pixel[tile, tap] + lane).tolist())
        for channel in range(decoded.front["channels"]):
            base = decoded.front["input_address"] + channel * decoded.front["input_stride"]
            assert {base * lanes + o for o in offsets} <= _pixels(program, layer.input, channel)


def test_a_channel_is_read_only_when_it_is_complete(case: tuple[Network, Program]) -> None:
    network, program = case
    layers = decode(program)
    writes = trace_program(program, random_images(np.random.default_rng(0), network, 1))
    engines = program.config.engines
    before = np.cumsum([0, *(d.back["rounds"] * d.back["tiles"] * engines for d in layers)])
    producers = {layer.output: number for number, layer in enumerate(network.layers)}
    for number, (layer, decoded) in enumerate(zip(network.layers, layers, strict=True)):
        front = decoded.front
        for channel in range(front["channels"]):
            turn = channel // front["ready_channels"]
            ready = front["ready_first"] + turn + turn // engines * front["ready_step"]
            assert ready <= before[number], "it would wait for itself"
            if layer.input in producers:
                made = producers[layer.input]
                back = layers[made].back
                phases = back["filters"] // network.layers[made].product.filters
                last = (channel + 1) * phases - 1
                round_, engine = divmod(last // back["engine_filters"], engines)
                done = ((round_ + 1) * back["tiles"] - 1) * engines + engine + 1
                if back["engine_filters"] % phases:
                    # Phases of a channel in several turns: nothing says which is the last of them.
                    done = back["rounds"] * back["tiles"] * engines
                assert ready == before[made] + done
                assert (writes.layer[writes.address == program.tensor(layer.input).address] == made).any()


def test_no_tensor_is_overwritten_while_it_is_needed(case: tuple[Network, Program]) -> None:
    network, program = case
    words = {
        tensor.name: {
            word for channel in range(tensor.shape[0]) for word in _words(program, tensor.name, channel)
        }
        for tensor in program.tensors
    }
    last = dict.fromkeys(words, -1) | {network.output: len(network.layers)}
    for number, layer in enumerate(network.layers):
        for name in (layer.input, *layer.reads):
            last[name] = max(last[name], number)
    alive = {network.input}
    for number, layer in enumerate(network.layers):
        for name in alive:
            if last[name] >= number:
                assert not words[layer.output] & words[name], f"{layer.output} over {name}"
        alive.add(layer.output)


def _words(program: Program, name: str, channel: int) -> range:
    tensor = program.tensor(name)
    first = tensor.address + channel * tensor.stride
    return range(first, first + tensor.words(program.config.lanes))


def test_counts_follow_from_the_network_and_the_words(case: tuple[Network, Program]) -> None:
    network, program = case
    layers = decode(program)
    for layer, decoded, counts in zip(network.layers, layers, program.layers, strict=True):
        channels = network.features[layer.input].shape[0]
        pixels = counts.output_pixels
        assert (
            counts.weights
            == layer.product.filters * channels * layer.product.kernel[0] * layer.product.kernel[1]
        )
        assert counts.macs == counts.weights * pixels
        if isinstance(layer.convolution.weights, Plain):
            values = layer.convolution.weights.weights.reshape(-1).tolist()
            assert counts.kept == counts.weights
            assert counts.steps == sum(len(formats.signed_digits(value)) for value in values)
        else:
            assert counts.kept == counts.steps == layer.convolution.weights.mask.sum()
        terms = {"plain": 1, "scale": 1, "column": 9}.get(counts.fold, decoded.back["group"])
        assert counts.products == layer.product.filters * terms * pixels
        front = decoded.front
        rows = front["rounds"] * front["tiles"] * front["channels"] * front["taps"]
        assert counts.rows_fetched == rows
        live = sum(int((b.code & 7 != 7).sum()) for b in entry_blocks(decoded))
        assert live <= counts.steps * decoded.back["filters"] // layer.product.filters
    bits = sum(len(words) for words in program.coefficients) * 2 * coefficient_record(program.config).bits
    bits += len(program.terms) * 8 + len(program.filters) * filter_record().bits
    assert sum(counts.weight_bits for counts in program.layers) == bits


def test_entries_come_in_order(case: tuple[Network, Program]) -> None:
    _, program = case
    for decoded in decode(program):
        for block in entry_blocks(decoded):
            end = int(np.flatnonzero(block.code == formats.CODE_END)[0])
            live = block.code[:end] != formats.CODE_ZERO
            key = block.row[:end][live] * 100 + block.slot[:end][live]
            assert (np.diff(key) >= 0).all()
            assert end >= len(block.code) - 2


def test_kept_zeros_cost_an_entry() -> None:
    network = chain((2, 3, 3), ("a", 2, (1, 1), {"kind": "scale", "seed": 1}))
    layer = network.layers[0]
    kept = np.ones_like(factored(layer).mask)
    values = np.zeros_like(factored(layer).coefficients)
    weights = replace(factored(layer), mask=kept, coefficients=values)
    program = compile_network(replace(network, layers=(altered(layer, weights=weights),)), TINY)
    assert program.layers[0].steps == 4


def test_long_gaps_take_fillers() -> None:
    network = chain((40, 1, 1), ("a", 1, (1, 1), {"kind": "scale"}))
    layer = network.layers[0]
    for row in range(40):
        kept = np.zeros((1, 40, 1, 1, 1), bool)
        kept[0, row] = True
        values = np.where(kept, 4, 0)
        weights = replace(factored(layer), mask=kept, coefficients=values)
        program = compile_network(replace(network, layers=(altered(layer, weights=weights),)), TINY)
        block = entry_blocks(decode(program)[0])[0]
        live = np.flatnonzero(block.code == formats.encode_coefficient(4))
        assert block.row[live].tolist() == [row]
        # Every step of three rows or fewer is needed: none goes further than it must.
        end = int(np.flatnonzero(block.code == formats.CODE_END)[0])
        assert end == max(0, row - 1) // 3 + 1 + max(0, 40 - row - 1) // 3


def test_layers_of_one_geometry_share_their_taps() -> None:
    same = {"padding": 1}
    alone = compile_network(chain((4, 4, 4), ("a", 4, (3, 3), same)), TINY)
    network = chain((4, 4, 4), ("a", 4, (3, 3), same), ("b", 4, (3, 3), same))
    assert compile_network(network, TINY).taps == alone.taps


def test_memory_is_used_again() -> None:
    network = chain((8, 8, 8), *((name, 8, (1, 1)) for name in "abcdefg"))
    program = compile_network(network, TINY)
    each = program.tensors[0].words(TINY.lanes) * 8
    assert 2 * each <= max(t.address for t in program.tensors) + each <= 3 * each


def test_a_pooled_block_steps_as_its_residual() -> None:
    seeds = range(200)
    found = 0
    for seed in seeds:
        network = random_network(np.random.default_rng(seed), TINY)
        for layer in network.layers:
            if layer.find(GlobalMean) and (add := layer.find(Add)):
                program = compile_network(network, TINY)
                pooled, other = program.tensor(layer.output), program.tensor(add.tensor)
                assert pooled.stride == other.stride
                found += 1
    assert found > 5


@pytest.mark.parametrize("config", [TINY, SMALL], ids=lambda config: config.name)
def test_the_run_word(config: Config) -> None:
    program = compile_network(chain((2, 4, 5), ("a", 3, (1, 1))), config)
    run = run_record(config).unpack(program.run)
    source, result = program.tensor("image"), program.tensor("a")
    assert (run["input_address"], run["result_address"]) == (source.address, result.address)
    assert run["input_words"] == 2 * source.words(config.lanes)
    assert run["result_words"] == 3 * result.words(config.lanes)
    assert run["cycle_limit"] > 10000


def test_progress_is_told_layer_by_layer() -> None:
    seen: list[str] = []
    compile_network(
        chain((2, 4, 5), ("a", 3, (1, 1)), ("b", 3, (1, 1))), TINY, lambda layer: seen.append(layer.path)
    )
    assert seen == ["a", "b"]


def test_more_engines_need_fewer_steps_each() -> None:
    network = chain((8, 4, 4), ("a", 24, (3, 3), {"padding": 1, "kind": "group"}))
    longest = []
    for engines in (1, 2, 4):
        config = replace(TINY, engines=engines, coefficient_words=4096)
        longest.append(max(len(words) for words in compile_network(network, config).coefficients))
    assert longest[0] > 1.7 * longest[1] > 1.7 * 1.7 * longest[2]
