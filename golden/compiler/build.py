"""`compile_network`: the plans of all layers, put together into the memories of a Program."""

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

from golden.compiler.checks import check_network
from golden.compiler.contents import Memories
from golden.compiler.counts import layer_counts
from golden.compiler.degrees import phase_degrees
from golden.compiler.instructions import Places, back_word, end_words, front_word, run_word
from golden.compiler.layouts import choose_layouts, plain_layouts
from golden.compiler.plan import LayerPlan, Layouts, plan_layer
from golden.compiler.proofs import prove_no_overflow
from golden.compiler.taps import Tap, tap_table
from golden.compiler.tensors import place_tensors, plan_tensors
from golden.cycles.timing import count_cycles
from golden.datapath.protocol import datapath
from golden.graph import network_file
from golden.graph.joined import complete
from golden.graph.network import Layer, Network
from golden.graph.operations.gate import Gate
from golden.spec.config import Config
from golden.spec.errors import CapacityError, UnsupportedError
from golden.spec.findings import Findings
from golden.spec.program import Program
from golden.spec.tensor import Tensor


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
    Several problems are told at once, as one UnsupportedError, or CapacityError if all are.
    """
    findings = Findings()
    wrong = check_network(network, findings)
    degrees: dict[str, tuple[int, int]] = {}
    with findings.collect():
        degrees = phase_degrees(network)
    if not degrees:
        # Every memory depends on how the maps are split.
        findings.demand()
    unrolled = None if wrong else _unrolled(network, degrees, config)
    layouts = plain_layouts(network, degrees, config)
    try:
        plain = compile_layouts(network, layouts, config, on_layer, wrong, findings)
    except (CapacityError, UnsupportedError):
        if unrolled is None:
            raise
        return unrolled
    # What is estimated is neither the way through the pipelines nor what waits for what.
    if unrolled is not None and count_cycles(unrolled).cycles < count_cycles(plain).cycles:
        return unrolled
    return plain


def _unrolled(network: Network, degrees: dict[str, tuple[int, int]], config: Config) -> Program | None:
    """The Program with unrolled layers that should take the fewest cycles; None if none fits."""
    *choices, _ = choose_layouts(network, degrees, config)
    for layouts in choices:
        with suppress(CapacityError, UnsupportedError):
            return compile_layouts(network, layouts, config)
    return None


def compile_layouts(
    network: Network,
    layouts: Layouts,
    config: Config,
    on_layer: Callable[[Layer], None] | None = None,
    wrong: Collection[str] = (),
    findings: Findings | None = None,
) -> Program:
    """The Program of a checked network with maps that lie as given.

    Parameters
    ----------
    wrong: paths of layers that cannot be planned.  findings: what is known to be wrong.

    Raises as `compile_network`, what is known to be wrong first.
    """
    findings = findings or Findings()
    tensors = plan_tensors(network, layouts, config)
    ranges = _input_ranges(network)
    memories = Memories(config)
    built: list[_Built] = []
    for index, layer in enumerate(network.layers):
        if layer.path not in wrong:
            with findings.collect():
                plan = plan_layer(network, index, layouts, config)
                with findings.collect():
                    prove_no_overflow(layer, plan.phase, ranges[layer.input], config.accumulator_bits)
                built.append(_build(plan, tensors, memories, config))
        if on_layer is not None:
            on_layer(layer)
    memories.check(len(network.layers) + 1, findings)
    with findings.collect():
        tensors = place_tensors(network, tensors, config)
    findings.demand()
    # Addresses fit their fields only once the memories are known to be large enough.
    plans = [it.plan for it in built]
    front, back = [], []
    for it in built:
        with findings.collect():
            front.append(front_word(it.plan, plans, tensors, network.joined, it.taps_at, config))
        with findings.collect():
            back.append(back_word(it.plan, tensors, _places(it, memories), config))
    findings.demand()
    front_end, back_end = end_words(config)
    order = [network.input, *(layer.output for layer in network.layers)]
    return Program(
        config=config,
        input=network.input,
        outputs=network.outputs,
        tensors=tuple(tensors[name] for name in order),
        layers=tuple(layer_counts(it.plan, tensors, it.taps, it.words, config) for it in built),
        run=run_word(network, tensors, sum(plan.jobs.cycles for plan in plans), config),
        front=(*front, front_end),
        back=(*back, back_end),
        taps=memories.tap_words(),
        terms=tuple(memories.terms),
        filters=tuple(memories.filters),
        coefficients=tuple(tuple(words) for words in memories.coefficients),
        tables=memories.table_words(),
        reference=network_file.to_bytes(network),
    )


@dataclass(frozen=True)
class _Built:
    """A layer in the memories: where its words begin, and how many those of its blocks are."""

    plan: LayerPlan
    taps: list[Tap]
    words: int
    taps_at: int
    terms_at: int
    filters_at: int
    table: int


def _build(plan: LayerPlan, tensors: dict[str, Tensor], memories: Memories, config: Config) -> _Built:
    """Add a layer to the memories. Raises UnsupportedError if its rows do not run side by side, or it needs a
    table and there is none."""
    layer, entries, product = plan.layer, plan.entries, plan.layer.product
    table = memories.add_table(layer)
    taps = tap_table(layer, plan.positions, tensors[layer.input], plan.tiling)
    rounds, units = plan.jobs.rounds, plan.jobs.unit_count
    words = memories.add_blocks(datapath(config).blocks(layer, entries, rounds, units, plan.rows, config))
    return _Built(
        plan,
        taps,
        words,
        memories.add_taps(taps),
        memories.add_gate(layer, product) if isinstance(product, Gate) else memories.add_terms(entries.terms),
        memories.add_filters(layer, plan.copies),
        table,
    )


def _places(built: _Built, memories: Memories) -> Places:
    """Where the words of a layer are that the drain reads and writes."""
    gate = memories.gate(built.plan.layer.output)
    return Places(built.terms_at, built.filters_at, built.table, gate)


def _input_ranges(network: Network) -> dict[str, tuple[int, int]]:
    """(smallest, largest) value of each feature: nothing negative comes out of a ReLU."""
    ranges = {network.input: (-128, 127)}
    for layer in network.layers:
        bounds = ranges[layer.input]
        for operation in layer.epilogue:
            bounds = operation.bounds(bounds)
        ranges[layer.output] = bounds
        complete(
            ranges,
            network.joined,
            lambda parts: (min(ranges[it][0] for it in parts), max(ranges[it][1] for it in parts)),
        )
    return ranges
