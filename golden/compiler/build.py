"""`compile_network`: the plans of all layers, put together into the memories of a Program."""

from collections.abc import Callable

from golden import network_file
from golden.compiler.checks import check_network
from golden.compiler.contents import Memories
from golden.compiler.counts import layer_counts
from golden.compiler.degrees import phase_degrees
from golden.compiler.instructions import back_word, end_words, front_word, run_word
from golden.compiler.plan import plan_layers, plan_tensors
from golden.compiler.proofs import prove_no_overflow
from golden.compiler.taps import tap_table
from golden.datapath.protocol import datapath
from golden.network import Layer, Network
from golden.spec.config import Config
from golden.spec.program import LayerCounts, Program


def compile_network(
    network: Network, config: Config, on_layer: Callable[[Layer], None] | None = None
) -> Program:
    """The Program that computes the network, to the last bit, on an accelerator of `config`.

    Parameters
    ----------
    on_layer: called after each layer, for progress.

    Raises
    ------
    UnsupportedError naming the layer, what was found and what is supported.
    CapacityError naming the memory, or the layer whose sums could overflow, and both sizes.
    """
    check_network(network)
    degrees = phase_degrees(network)
    plans = plan_layers(network, degrees, config)
    tensors = plan_tensors(network, degrees, plans, config)
    ranges = _input_ranges(network)
    memories = Memories(config)
    counts: list[LayerCounts] = []
    addresses: list[tuple[int, int, int]] = []
    for plan in plans:
        layer, entries = plan.layer, plan.entries
        prove_no_overflow(layer, entries, ranges[layer.input], config.accumulator_bits)
        taps = tap_table(layer, entries.fold, tensors[layer.input], plan.map, config.lanes)
        addresses.append(
            (memories.add_taps(taps), memories.add_terms(entries.terms), memories.add_filters(layer))
        )
        blocks = datapath(config).blocks(
            layer, entries, plan.jobs.rounds, plan.jobs.unit_count, plan.rows, config
        )
        words = memories.add_blocks(blocks)
        counts.append(layer_counts(plan, tensors, taps, words, config))
        if on_layer is not None:
            on_layer(layer)
    memories.check(len(plans) + 1)
    # Addresses fit their fields only once the memories are known to be large enough.
    front, back = [], []
    for plan, (taps_at, terms_at, filters_at) in zip(plans, addresses, strict=True):
        front.append(front_word(plan, plans, tensors, taps_at, config))
        back.append(back_word(plan, tensors, terms_at, filters_at, config))
    front_end, back_end = end_words(config)
    order = [network.input, *(layer.output for layer in network.layers)]
    return Program(
        config=config,
        input=network.input,
        output=network.output,
        tensors=tuple(tensors[name] for name in order),
        layers=tuple(counts),
        run=run_word(network, tensors, sum(plan.jobs.cycles for plan in plans), config),
        front=(*front, front_end),
        back=(*back, back_end),
        taps=tuple(memories.taps),
        terms=tuple(memories.terms),
        filters=tuple(memories.filters),
        coefficients=tuple(tuple(words) for words in memories.coefficients),
        reference=network_file.to_bytes(network),
    )


def _input_ranges(network: Network) -> dict[str, tuple[int, int]]:
    """(smallest, largest) value of each feature: nothing negative comes out of a ReLU."""
    ranges = {network.input: (-128, 127)}
    for layer in network.layers:
        ranges[layer.output] = (0 if layer.relu else -128, 127)
    return ranges
