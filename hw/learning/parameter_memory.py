"""What LightNorm is given of channels: parameters, two integers that become scalars on their way, and what it
found on the way forward."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import GRID_BITS, SCALAR_BITS
from golden.spec.commands import parameter_record
from golden.spec.config import Config
from golden.spec.learning import PARAMETER_BITS, PARAMETER_FRACTION
from golden.spec.memories import Memory, memory_shape
from hw.interfaces import load_signature
from hw.learning.ports import parameter_signature
from hw.lightnorm.scalar import scalar_layout
from hw.parts.layouts import layout
from hw.parts.memory import UNORDERED


def given_signature() -> wiring.Signature:
    """Parameters → norm, a channel's at a time.

    there: Out.  gamma, beta: Out, scalars.  kept: Out, what was kept of the channel last.
    take: In, the next channel's are wanted; only while `there`.
    keep: In, with `take`: `found` is kept of the channel that is done.
    """
    return wiring.Signature(
        {
            "there": Out(1),
            "gamma": Out(scalar_layout()),
            "beta": Out(scalar_layout()),
            "kept": Out(kept_layout()),
            "take": In(1),
            "keep": In(1),
            "found": In(kept_layout()),
        }
    )


def kept_layout() -> data.StructLayout:
    """Of a channel, from its way forward to its way backward."""
    return data.StructLayout({"mean": scalar_layout(), "scale": scalar_layout()})


def whole(magnitude: Value, sign: Value) -> Value:
    """The scalar of an integer of LSB 2^−PARAMETER_FRACTION: the bits of `scalar_layout`."""
    left = magnitude
    steps: list[Value] = []
    for step in reversed(range((len(magnitude) - 1).bit_length())):
        empty = ~left[len(left) - (1 << step) :].any()
        left = Mux(empty, left << (1 << step), left)[: len(magnitude)]
        steps.append(empty)
    shifted = Cat(*reversed(steps))
    # Sign-extended to the exponent's width.
    exponent = (len(magnitude) - SCALAR_BITS - PARAMETER_FRACTION - shifted) | Const(0, signed(GRID_BITS))
    mantissa = Cat(Const(0, SCALAR_BITS - len(magnitude)), left)
    return Mux(left[-1], Cat(mantissa, sign, exponent[:GRID_BITS]), 0)


class ParameterMemory(wiring.Component):
    """Gives the parameters of one channel after the other; those of the next one stand ready meanwhile. What
    is kept of a channel stands in a memory of its own, at the same address.

    Golden: `golden.lightnorm.scalars.from_floats`.  Latency: `latency.PARAMETERS` cycles from `start` to the
    first channel's, and as many from one channel's to the next one's at least.

    Members
    -------
    load: load bus (words of `parameter_record`, and of `statistics_record`: what is kept).  put: In, another
        writer of the former; neither while channels are read.
    start: In, the first channel's word is at `first`.  o: Out; what is kept is there with the parameters.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "load": In(load_signature(config)),
                "put": In(parameter_signature(config)),
                "start": In(1),
                "first": In(parameter_signature(config).members["address"].shape),
                "o": Out(given_signature()),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape = memory_shape(self._config, Memory.PARAMETER)
        m.submodules.ram = ram = memory.Memory(shape=shape.bits, depth=shape.depth, init=[], attrs=UNORDERED)
        write, read = ram.write_port(), ram.read_port()
        loads = self.load.valid & (self.load.memory == Memory.PARAMETER)
        m.d.comb += [
            write.en.eq(loads | self.put.valid),
            write.addr.eq(Mux(self.put.valid, self.put.address, self.load.address)),
            write.data.eq(Mux(self.put.valid, self.put.word, self.load.data)),
        ]

        # What is kept; the channel that is done has an address of its own.
        m.submodules.channels = channels = memory.Memory(
            shape=kept_layout().size, depth=shape.depth, init=[], attrs=UNORDERED
        )
        write_kept, read_kept = channels.write_port(), channels.read_port()
        done, given = Signal.like(write.addr), Signal()
        with m.If(self.o.take):
            m.d.sync += done.eq(done + 1)
        m.d.comb += [
            given.eq(self.load.valid & (self.load.memory == Memory.STATISTICS)),
            write_kept.en.eq(given | (self.o.take & self.o.keep)),
            write_kept.addr.eq(Mux(given, self.load.address, done)),
            write_kept.data.eq(Mux(given, self.load.data, self.o.found)),
            self.o.kept.eq(read_kept.data),
        ]

        # One number after the other: its magnitude, its scalar; both wait until the channel before is gone.
        word = data.View(layout(parameter_record()), read.data)
        number, magnitude, sign, second = Signal(PARAMETER_BITS), Signal(PARAMETER_BITS), Signal(), Signal()
        both = data.StructLayout({"gamma": scalar_layout(), "beta": scalar_layout()})
        waiting, given = Signal(both), Signal(both)
        address, there, stage = Signal.like(read.addr), Signal(), Signal(range(6))
        found = whole(magnitude, sign)
        m.d.comb += [
            read.addr.eq(address),
            read_kept.addr.eq(address),
            # With the numbers that are given; it stands until the next ones are.
            read_kept.en.eq((stage == 5) & (~there | self.o.take)),
            number.eq(Mux(second, word.beta, word.gamma)),
            self.o.there.eq(there),
            self.o.gamma.eq(given.gamma),
            self.o.beta.eq(given.beta),
        ]
        m.d.sync += [sign.eq(number[-1]), magnitude.eq(Mux(number[-1], -number, number))]
        with m.If(self.o.take):
            m.d.sync += there.eq(0)
        with m.Switch(stage):
            with m.Case(1):
                m.d.sync += [second.eq(0), stage.eq(2)]
            with m.Case(2):
                m.d.sync += [second.eq(1), stage.eq(3)]
            with m.Case(3):
                m.d.sync += [Value.cast(waiting.gamma).eq(found), stage.eq(4)]
            with m.Case(4):
                m.d.sync += [Value.cast(waiting.beta).eq(found), stage.eq(5)]
            with m.Case(5), m.If(~there | self.o.take):
                m.d.sync += [given.eq(waiting), there.eq(1), address.eq(address + 1), stage.eq(1)]
        with m.If(self.start):
            m.d.sync += [stage.eq(1), address.eq(self.first), done.eq(self.first), there.eq(0)]
        return m
