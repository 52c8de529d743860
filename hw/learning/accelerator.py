"""The whole accelerator that learns."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec import latency, memories
from golden.spec.commands import Command, payload_records
from golden.spec.config import Config
from golden.spec.errors import ERROR_BITS
from golden.spec.learning import Generator
from golden.spec.memories import SEED_RECORD, TURN_BITS, Memory
from hw.core.array import add_array
from hw.core.host_port import HostPort
from hw.core.loader import Loader
from hw.core.port_arbiter import PortArbiter
from hw.core.sequencer import Sequencer
from hw.interfaces import frame_word, write_signature
from hw.learning.access_arbiter import AccessArbiter
from hw.learning.command_slot import CommandSlot
from hw.learning.conductor import Conductor
from hw.learning.controller import Controller
from hw.learning.engine import LearningEngine
from hw.learning.entry_reader import EntryReader
from hw.learning.error_loader import ErrorLoader
from hw.learning.found_reports import FoundReports
from hw.learning.map_writer import MapWriter
from hw.learning.norm_passes import NormPasses
from hw.learning.parameter_memory import ParameterMemory
from hw.learning.shared_rounder import SharedRounder
from hw.learning.update import UpdateUnit
from hw.learning.word_random import WordRandom
from hw.parts.delay import delayed
from hw.parts.fan_out import fan_out
from hw.parts.layouts import layout
from hw.parts.lfsr import HALF_WORD, STATE_BITS
from hw.parts.memory import FeatureMemory
from hw.writeback.output import OutputPipeline


class LearningAccelerator(wiring.Component):
    """Runs the program of its controller, which issues commands: layers as `Accelerator` does, and the passes
    of training (docs/machine.md, sections 10 to 12).

    Golden: `golden.learning`.

    Members: those of `Accelerator`; `trace` shows every word that a unit writes into the feature memory.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "i_program": In(stream.Signature(32)),
                "i_image": In(stream.Signature(frame_word(config))),
                "o_result": Out(stream.Signature(frame_word(config))),
                "skip": In(1),
                "error": Out(ERROR_BITS),
                "loaded": Out(1),
                "busy": Out(1),
                "cycles": Out(memories.CYCLE_BITS),
                "trace": Out(write_signature(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        m.submodules.loader = loader = Loader(config)
        m.submodules.host = host = HostPort(config)
        m.submodules.sequencer = sequencer = Sequencer(config)
        m.submodules.controller = controller = Controller(config)
        m.submodules.conductor = conductor = Conductor(config)
        m.submodules.pass_slot = slot = CommandSlot(config)
        m.submodules.norm_slot = norm_slot = CommandSlot(config)
        m.submodules.arbiter = arbiter = PortArbiter(config)
        m.submodules.features = features = FeatureMemory(config)
        array = add_array(m, config, LearningEngine)
        m.submodules.output = output = OutputPipeline(config)
        m.submodules.errors = errors = ErrorLoader(config)
        m.submodules.writer = writer = MapWriter(config)
        m.submodules.norm = norm = NormPasses(config)
        m.submodules.rounder = rounder = SharedRounder(config)
        m.submodules.found = found = FoundReports(config)
        m.submodules.norm_random = norm_random = WordRandom(config)
        m.submodules.parameters = parameters = ParameterMemory(config)
        m.submodules.update = update = UpdateUnit(config)
        m.submodules.reader = reader = EntryReader(config)
        m.submodules.access = access = AccessArbiter(config, 6, readers=(1,))

        # The host's streams; program words to their memories.
        wiring.connect(m, wiring.flipped(self.i_program), loader.i)
        wiring.connect(m, wiring.flipped(self.i_image), host.i_image)
        wiring.connect(m, host.o_result, wiring.flipped(self.o_result))
        loaded: list[Any] = [host, sequencer, controller, conductor, parameters]
        fan_out(m, loader.load, [unit.load for unit in loaded])
        array.connect_load(m, loader.load)
        self._seed(
            m,
            loader.load,
            {
                Generator.ERRORS: (writer, writer.load),
                Generator.NORM: (norm_random, norm_random.load),
                Generator.TERMS: (errors, errors.load),
                Generator.CODES: (update, update.load),
                Generator.SCALARS: (controller, controller.seed),
            },
        )

        # The feature memory.
        wiring.connect(m, array.fetch.features, features.rows)
        wiring.connect(m, arbiter.port, features.port)
        wiring.connect(m, output.write, arbiter.write)
        wiring.connect(m, output.residual, arbiter.residual)
        wiring.connect(m, access.port, arbiter.host)
        read = access.users[1]
        wiring.connect(m, writer.port, access.users[0])
        wiring.connect(m, norm.features, access.users[2])
        wiring.connect(m, reader.port, access.users[3])
        wiring.connect(m, controller.features, access.users[4])
        wiring.connect(m, host.features, access.users[5])
        m.d.comb += [
            read.valid.eq(errors.read.valid),
            read.address.eq(errors.read.address),
            errors.read.data.eq(read.read),
            self.trace.valid.eq(arbiter.port.enable.any() & sequencer.busy),
            self.trace.address.eq(arbiter.port.address),
            self.trace.enable.eq(arbiter.port.enable),
            self.trace.data.eq(arbiter.port.write),
        ]

        # The array: which pass it is, and what begins and ends it.
        runs = slot.runs
        fields = {
            name: data.View(layout(record), slot.payload[: record.bits])
            for name, record in payload_records(config).items()
        }
        command = fields[Command.LAYERS]
        gradient, layers = Signal(), Signal()
        start, finished, going = Signal(), Signal(), Signal()
        turns = Signal(TURN_BITS)
        of_array = Cat(runs[kind] for kind in Command if kind <= Command.GRADIENT).any()
        waiting = Cat(engine.sums.full.all() for engine in array.engines).all()
        idle = delayed(m, waiting, latency.gradient(config.lanes), "idle")[-1]
        turn_done = Mux(layers, output.turn_done, writer.turn_done)
        m.d.comb += [
            gradient.eq(runs[Command.GRADIENT]),
            layers.eq(runs[Command.LAYERS]),
            start.eq(slot.start & of_array),
            # In a gradient pass the array is done when every engine waits for errors that do not come.
            finished.eq(going & array.drain.finished & Mux(gradient, idle, array.fetch.finished)),
            array.fetch.turns_done.eq(turns),
        ]
        with m.If(turn_done):
            m.d.sync += turns.eq(turns + 1)
        with m.If(start):
            # No norm runs beside an error pass.
            m.d.sync += [turns.eq(0), going.eq(1), rounder.second.eq(runs[Command.ERROR])]
        with m.Elif(finished):
            m.d.sync += [going.eq(0), rounder.second.eq(0)]
        for unit in array.units:
            m.d.comb += unit.start.eq(start)
        m.d.comb += [
            array.fetch.entry.eq(command.entry),
            array.drain.entry.eq(command.entry),
            array.drain.spaced.eq(runs[Command.ERROR]),
            array.drain.addend.eq(command.addend),
        ]
        for number, engine in enumerate(array.engines):
            wiring.connect(m, array.drain.engines[number], errors.drain[number])
            wiring.connect(m, errors.engines[number], engine.sums)
            wiring.connect(m, errors.errors[number], engine.errors)
            looking, asked = reader.engines[number], update.engines[number]
            wiring.connect(m, asked, engine.entries)
            m.d.comb += [
                getattr(looking, name).eq(getattr(engine.entries, name)) for name in ("code", "counter")
            ]
            with m.If(runs[Command.READ]):
                m.d.comb += [engine.entries.look.eq(looking.look), engine.entries.entry.eq(looking.entry)]
            m.d.comb += [
                engine.skip.eq(self.skip),
                engine.block.eq(command.block),
                engine.gradient.eq(gradient),
            ]

        # Sums to whoever takes them.
        operands = array.operands.o
        for target in (output.i, writer.i):
            m.d.comb += [
                getattr(target, name).eq(getattr(operands, name)) for name in operands.signature.members
            ]
        m.d.comb += [
            output.i.token.valid.eq(operands.token.valid & layers),
            output.i.token.turn_end.eq(operands.token.turn_end & layers),
            output.layer.eq(array.drain.layer),
            writer.enable.eq(runs[Command.FORWARD] | runs[Command.ERROR]),
            writer.error.eq(runs[Command.ERROR]),
            writer.command.eq(command),
            writer.shift.eq(slot.shift),
            writer.addend_shift.eq(slot.addend_shift),
            writer.start.eq(slot.start & writer.enable),
            errors.gradient.eq(gradient),
            errors.token.eq(array.drain.terms.token),
            errors.source.eq(array.drain.source),
        ]

        wiring.connect(m, norm.rounder, rounder.users[0])
        wiring.connect(m, writer.rounder, rounder.users[1])
        wiring.connect(m, writer.blocks, norm.written)

        # Commands and their ends.
        wiring.connect(m, controller.issue, conductor.i)
        wiring.connect(m, conductor.array, slot.i)
        wiring.connect(m, conductor.norm, norm_slot.i)
        wiring.connect(m, norm.found, found.i)
        wiring.connect(m, parameters.o, norm.parameters)
        wiring.connect(m, controller.parameter, parameters.put)
        norm_record = payload_records(config)[Command.NORM]
        fields_norm = data.View(layout(norm_record), norm_slot.payload[: norm_record.bits])
        # What is found goes first; a command is done when nothing more is.
        reports = (found.o, norm_slot.report, slot.report)
        m.d.comb += [
            norm.start.eq(norm_slot.start),
            norm.command.eq(fields_norm),
            norm.random.eq(norm_random.bytes),
            norm_random.draw.eq(norm.draw),
            norm.shift.eq(norm_slot.shift),
            norm.addend_shift.eq(norm_slot.addend_shift),
            parameters.start.eq(norm.start),
            parameters.first.eq(fields_norm.parameter_address),
            found.start.eq(norm.start),
            found.first.eq(fields_norm.found_address),
            norm_slot.done.eq(norm.done),
            norm_slot.report_address.eq(fields_norm.report_address),
            norm_slot.counts[0].eq(norm.saturated),
            norm_slot.counts[1].eq(norm.large),
            controller.quiet.eq(conductor.quiet),
        ]
        for number, report in enumerate(reports):
            with m.If(report.valid) if number == 0 else m.Elif(report.valid):
                m.d.comb += [
                    report.ready.eq(1),
                    controller.report.valid.eq(1),
                    controller.report.address.eq(report.payload.address),
                    controller.report.word.eq(report.payload.word),
                ]
        updating = Signal()
        m.d.sync += updating.eq(update.busy)
        m.d.comb += [
            update.start.eq(slot.start & runs[Command.UPDATE]),
            update.command.eq(fields[Command.UPDATE]),
            update.shift.eq(slot.shift),
            reader.start.eq(slot.start & runs[Command.READ]),
            reader.command.eq(fields[Command.READ]),
        ]
        with m.If(runs[Command.UPDATE]):
            m.d.comb += [
                slot.report_address.eq(fields[Command.UPDATE].report_address),
                slot.counts[0].eq(update.sum),
                slot.counts[1].eq(update.moved),
            ]
        with m.Else():
            m.d.comb += [
                slot.report_address.eq(command.report_address),
                slot.counts[0].eq(writer.saturated),
                slot.counts[1].eq(writer.large),
            ]
        m.d.comb += [
            controller.go.eq(sequencer.start),
            slot.done.eq(finished | reader.done | (updating & ~update.busy)),
            sequencer.go.eq(host.go),
            sequencer.finished.eq(controller.finished),
            sequencer.illegal.eq(
                controller.illegal | conductor.illegal | (going & (array.fetch.illegal | array.drain.illegal))
            ),
            sequencer.bad.eq(going & Cat(engine.bad for engine in array.engines).any()),
            host.done.eq(sequencer.done),
            host.fault.eq(sequencer.fault),
            host.loaded.eq(loader.loaded),
            host.load_error.eq(loader.error),
            host.program_waits.eq(self.i_program.valid),
            loader.enable.eq(host.idle),
            self.error.eq(host.error),
            self.loaded.eq(loader.loaded),
            self.busy.eq(sequencer.busy),
            self.cycles.eq(sequencer.cycles),
        ]
        return m

    def _seed(
        self, m: Module, load: wiring.PureInterface, units: dict[Generator, tuple[wiring.Component, Signal]]
    ) -> None:
        """New states of the generators come as words of a memory that there is not, part by part: the loader
        takes the next word in from below, so a part stands as long as there are parts below it."""
        record = SEED_RECORD
        assert record.bits == STATE_BITS
        since = Signal(range(STATE_BITS // HALF_WORD))
        place = Mux(load.valid, 0, since)
        m.d.sync += since.eq(place + 1)
        for generator, (unit, taken) in units.items():
            comes, goes_on = (Signal(name=f"{it}_{generator.name.lower()}") for it in ("seed", "seed_on"))
            size = len(unit.word)
            last = STATE_BITS // size - 1
            m.d.comb += [
                comes.eq(load.valid & (load.memory == Memory.SEED) & (load.address == generator)),
                taken.eq(comes | goes_on),
                unit.word.eq(load.data[: record.bits].word_select(place[: last.bit_length()], size)),
            ]
            m.d.sync += goes_on.eq(taken & (place != last))
