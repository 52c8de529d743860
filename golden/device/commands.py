"""The commands of a step: forward, and back once the host knows the error of the last map."""

from golden.device.plan import StepPlan
from golden.learning.forward import map_exponent
from golden.learning.norm import parameters
from golden.learning.state import State
from golden.learning.update import Rates
from golden.spec.block import constants
from golden.spec.commands import Command, command_word, parameter_record
from golden.spec.config import Config
from golden.spec.learning import ERROR_RANDOM_BITS, TERM_UNIT
from golden.spec.memories import run_record


def step_parameters(state: State) -> tuple[int, ...]:
    """The parameter memory: gamma and beta of all layers' channels, one after the other."""
    words = []
    for it in state.layers:
        gamma, beta = parameters(it.gamma), parameters(it.beta)
        for channel in range(len(it.gamma)):
            values = {}
            for name, found in (("gamma", gamma), ("beta", beta)):
                mantissa = int(found.mantissa[channel])
                values[f"{name}_mantissa"] = abs(mantissa)
                values[f"{name}_sign"] = int(mantissa < 0)
                values[f"{name}_exponent"] = int(found.exponent[channel])
            words.append(parameter_record().pack(**values))
    return tuple(words)


def forward_commands(plan: StepPlan, state: State) -> tuple[int, ...]:
    """From the images to the last map."""
    words = []
    for index, (layer, it) in enumerate(zip(plan.network.layers, state.layers, strict=True)):
        exponent = map_exponent(state, layer.source) + layer.unit
        words.append(_pass(plan, Command.FORWARD, plan.layers[index].forward_at, index, shift=exponent))
        add = 0 if layer.add is None else layer.add
        words.append(
            _norm(
                plan,
                index,
                backward=0,
                other_address=plan.maps.values[add].address,
                out_address=plan.maps.values[index + 1].address,
                add=int(layer.add is not None),
                relu=int(layer.relu),
                shift=ERROR_RANDOM_BITS - it.activation,
                addend_shift=ERROR_RANDOM_BITS + map_exponent(state, add) - it.activation,
                report_address=plan.maps.report.address + plan.reports.forward[index],
            )
        )
    return (*words, command_word(plan.config, Command.STOP))


def error_exponent(plan: StepPlan, state: State, index: int) -> int:
    """Exponent of the error of map `index`."""
    owner = plan.owner(index)
    if owner == len(state.layers):
        return state.head.map_error - plan.network.pool_shift
    return state.layers[owner - 1].map_error


def backward_commands(plan: StepPlan, state: State, rates: Rates) -> tuple[int, ...]:
    """From the error of the last map to codes that have moved."""
    network, config, maps = plan.network, plan.config, plan.maps
    report = maps.report.address
    words = []
    for index in reversed(range(len(network.layers))):
        layer, it, planned = network.layers[index], state.layers[index], plan.layers[index]
        errors = maps.errors[index + 1]
        assert errors is not None
        arrived = error_exponent(plan, state, index + 1)
        words.append(
            _norm(
                plan,
                index,
                backward=1,
                other_address=errors.address,
                out_address=maps.outputs[index].address,
                shift=ERROR_RANDOM_BITS + arrived - it.error,
                report_address=report + plan.reports.backward[index],
            )
        )
        words.append(_pass(plan, Command.GRADIENT, planned.gradient_at, index))
        if layer.source:
            words.append(_error_pass(plan, state, index))
        unit = it.error + TERM_UNIT + map_exponent(state, layer.source)
        shift = network.counter_bits - 1 + (rates.code or 0) + unit - it.gradient
        for number, (start, pairs) in enumerate(zip(planned.starts, planned.forward.pairs, strict=True)):
            words.append(
                command_word(
                    config,
                    Command.UPDATE,
                    pair=start,
                    pairs=pairs,
                    shift=max(-128, min(127, shift)),
                    still=int(rates.code is None),
                    clear=int(number == 0),
                    report_address=report + plan.reports.updates[index],
                )
            )
    return (*words, command_word(config, Command.STOP))


def _error_pass(plan: StepPlan, state: State, index: int) -> int:
    network, maps = plan.network, plan.maps
    layer, it, planned = network.layers[index], state.layers[index], plan.layers[index]
    source = layer.source
    readers, adder = network.readers(source), network.adder(source)
    exponent = state.layers[source - 1].map_error
    addend, other = maps.errors[source], exponent
    if index == readers[-1]:
        addend = None
        if adder is not None:
            addend, other = maps.errors[adder + 1], error_exponent(plan, state, adder + 1)
    return _pass(
        plan,
        Command.ERROR,
        planned.error_at,
        index,
        block=planned.back_starts[0],
        shift=ERROR_RANDOM_BITS + it.error + layer.unit - exponent,
        addend=int(addend is not None),
        addend_address=addend.address if addend is not None else 0,
        addend_shift=ERROR_RANDOM_BITS + other - exponent,
        masked=int(index == readers[0]),
        mask_relu=int(network.layers[source - 1].relu),
        mask_address=maps.values[source].address,
        report_address=maps.report.address + plan.reports.errors[index],
    )


def _pass(plan: StepPlan, kind: Command, entry: int, index: int, **values: int) -> int:
    names = ("addend", "addend_address", "addend_shift", "masked", "mask_relu", "mask_address")
    fields = {**dict.fromkeys((*names, "shift", "report_address"), 0), "block": plan.layers[index].starts[0]}
    return command_word(plan.config, kind, entry=entry, **{**fields, **values})


def _norm(plan: StepPlan, index: int, **values: int) -> int:
    sums = plan.maps.sums[index]
    host = constants(sums.stride * plan.config.lanes)
    fields = {
        "channels": sums.shape[0],
        "words": sums.stride,
        "x_address": sums.address,
        "add": 0,
        "relu": 0,
        "addend_shift": 0,
        "parameter_address": sum(it.shape[0] for it in plan.maps.sums[:index]),
        "chunk_beats": host.chunks.length // plan.config.basis,
        "chunks": host.chunks.count,
    }
    for name, value in (("inverse", host.inverse), ("spread", host.spread)):
        fields[f"{name}_mantissa"], fields[f"{name}_exponent"] = value.mantissa, value.exponent
    return command_word(plan.config, Command.NORM, **{**fields, **values})


def still_commands(plan: StepPlan) -> tuple[int, ...]:
    """Clears all gradients; the generators of random bits move on."""
    clear = command_word(
        plan.config,
        Command.UPDATE,
        pair=0,
        pairs=plan.engines.pairs,
        shift=0,
        still=1,
        clear=1,
        report_address=plan.maps.report.address,
    )
    return clear, command_word(plan.config, Command.STOP)


def read_commands(plan: StepPlan) -> tuple[int, ...]:
    """Writes codes and counters of all entries from word 0 on."""
    read = command_word(plan.config, Command.READ, pair=0, pairs=plan.engines.pairs, address=0)
    return read, command_word(plan.config, Command.STOP)


def run_word(config: Config, source: tuple[int, int], result: tuple[int, int], cycle_limit: int) -> int:
    """What the host sends goes to `source`, what it gets is `result`: first word and count of each."""
    return run_record(config).pack(
        input_address=source[0],
        input_words=source[1],
        result_address=result[0],
        result_words=result[1],
        cycle_limit=cycle_limit,
    )
