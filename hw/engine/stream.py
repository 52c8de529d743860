"""The coefficient stream of an engine: from pairs of entries to one shift-add per cycle."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring

from golden.spec import formats
from golden.spec.arithmetics import PAIR, coefficient_record
from golden.spec.config import Config
from golden.spec.memories import Memory, log2
from hw.engine.steps import stream_signature
from hw.interfaces import row_bits
from hw.parts.layouts import layout
from hw.parts.memory import LoadedMemory


class CoefficientStream(wiring.Component):
    """Reads blocks of entries and issues live ones (docs/machine.md, section 4).

    Golden: `golden.machine`.  Latency: a pair is in hand in the cycle after its rows are there; see also
    `latency.STREAM_START`.  Throughput: one live entry per cycle; a dead one costs nothing beside a live one
    of its pair.

    Members: `stream_signature`.
    """

    def __init__(self, config: Config, engine: int) -> None:
        self._config = config
        self._engine = engine
        super().__init__(self._signature())

    def _signature(self) -> wiring.Signature:
        return stream_signature(self._config)

    def _pairs(self, m: Module) -> wiring.Component:
        """The memory of pairs: `load`, `address`, `enable` and `data` of a `LoadedMemory`."""
        entry = layout(coefficient_record(self._config))
        return LoadedMemory(self._config, Memory.COEFFICIENT + self._engine, data.ArrayLayout(entry, PAIR))

    def _first(self) -> Value:
        """Address of the pair that a start goes to."""
        return Const(0)

    def _counts(self, code: Value) -> Value:
        """Whether an entry of that code adds its row, if that is not zero."""
        return code[: formats.EXPONENT_BITS] != formats.CODE_ZERO

    def _number(
        self, m: Module, address: Value, checked: Value, taken: Value, second: Value, handled: Value
    ) -> None:
        """For a stream whose steps say which entry they are of.

        checked: the pair of `address` is checked from the next cycle on.  taken: the pair that is checked is
        in hand then, with its second entry if `second`.  handled: else the second entry is, if there is one.
        """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        bits = row_bits(config)
        ahead, steps = self.ahead, self.steps
        entry = layout(coefficient_record(config))
        m.submodules.pairs = pairs = self._pairs(m)
        wiring.connect(m, wiring.flipped(self.load), pairs.load)

        # Address, memory and the pair read move together, the pair that is checked and the one in hand alone.
        address = Signal(log2(config.coefficient_words))
        memory_address = Signal.like(address)
        read_address = Signal.like(address)
        base = Signal.like(address)
        in_memory, read_valid, check_valid = Signal(), Signal(), Signal()
        read_on, check_on, take = Signal(), Signal(), Signal()
        pair = Signal(data.ArrayLayout(entry, PAIR))
        m.d.comb += [
            pairs.address.eq(address),
            pairs.enable.eq(read_on),
            check_on.eq(~check_valid | take),
            read_on.eq(~read_valid | check_on),
        ]
        with m.If(read_on):
            m.d.sync += [
                Cat(in_memory, read_valid).eq(Cat(~self.bad, in_memory)),
                address.eq(address + 1),
                memory_address.eq(address),
                read_address.eq(memory_address),
                pair.eq(pairs.data),
            ]

        # The pair read gets its rows; those of a block begin behind the marker of its predecessor.
        item = data.StructLayout(
            {"code": formats.CODE_BITS, "slot": steps.step.slot.shape(), "row": row_bits(config)}
        )
        first, second = Signal(item), Signal(item)
        ends = Signal(2)
        upcoming = Signal(bits)
        read_ends = [pair[number].code == formats.CODE_END for number in range(2)]
        # What stands behind END in its pair means nothing.
        distance = pair[0].advance + Mux(read_ends[0], 0, pair[1].advance)
        with m.If(check_on):
            m.d.sync += check_valid.eq(read_valid)
        with m.If(check_on & read_valid):
            for target, source, to in ((first, pair[0], pair[0].advance), (second, pair[1], distance)):
                m.d.sync += [
                    target.code.eq(source.code),
                    target.slot.eq(source.slot),
                    target.row.eq(upcoming + to),
                ]
            m.d.sync += [
                ends.eq(Cat(read_ends[0], read_ends[1] & ~read_ends[0])),
                upcoming.eq(upcoming + distance + Cat(read_ends).any()),
            ]

        # The pair that is checked waits for its last row, and for the hand.
        look = Cat(ahead.flags[number].zero & self.skip for number in range(2))
        counts = Cat(self._counts(entry.code) for entry in (first, second)) & Cat(1, ~ends[0])
        live = Signal(2)
        here, again, wrong, to_second = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            ahead.look[0].eq(first.row),
            ahead.look[1].eq(second.row),
            live.eq(counts & ~look),
            # 0 < written − row ≤ window. The second row is the last one, also of a pair that begins with END.
            here.eq(~(ahead.written + ~second.row)[bits - 1]),
            again.eq(ends.any() & ahead.flags[1].rewind),
            wrong.eq(
                (ends.any() & ~ahead.flags[1].marker)
                | (counts & Cat(flags.marker for flags in ahead.flags)).any()
            ),
            to_second.eq(~live[0] & ~ends[0]),
        ]

        # The pair in hand: the entry of this cycle, and the one of the next if there is `more`. Rows before
        # the entry are given up.
        now, following = Signal(item), Signal(item)
        in_hand, now_live, now_end, more, following_end = (Signal() for _ in range(5))
        bank = Signal()
        handled = Signal()
        m.d.comb += [
            handled.eq(in_hand & ~steps.hold & (~now_end | steps.may_end)),
            take.eq(check_valid & here & (~in_hand | (handled & ~more))),
            self.row.eq(now.row),
            steps.valid.eq(in_hand & now_live & ~steps.hold),
            steps.step.operand.eq(now.code),
            steps.step.slot.eq(now.slot),
            steps.step.place.eq(now.row),
            steps.step.bank.eq(bank),
            steps.end.eq(handled & now_end),
            steps.end_bank.eq(bank),
        ]
        with m.If(handled):
            m.d.sync += [
                now.eq(following),
                now_live.eq(~following_end),
                now_end.eq(following_end),
                in_hand.eq(more),
                more.eq(0),
            ]
        with m.If(steps.end):
            m.d.sync += bank.eq(~bank)
        with m.If(take):
            m.d.sync += [
                now.eq(Mux(to_second, second.as_value(), first.as_value())),
                now_live.eq(live.any()),
                now_end.eq(ends[0] | (to_second & ends[1])),
                following.eq(second),
                following_end.eq(ends[1]),
                more.eq(live[0] & (live[1] | ends[1])),
                in_hand.eq(~wrong),
                self.bad.eq(wrong),
            ]
            with m.If(ends.any() & ~again):
                m.d.sync += base.eq(read_address)
            with m.If(again):
                m.d.sync += [address.eq(base), upcoming.eq(upcoming)]
            with m.If(again | wrong):
                # A bad stream gets no further pair.
                m.d.sync += Cat(in_memory, read_valid, check_valid).eq(0)
        self._number(m, read_address, check_on & read_valid, take, to_second, handled)
        with m.If(self.start):
            m.d.sync += [
                address.eq(self._first()),
                base.eq(self._first()),
                upcoming.eq(0),
                Cat(in_memory, read_valid, check_valid, in_hand).eq(0),
                bank.eq(0),
                now.row.eq(0),
                self.bad.eq(0),
            ]
        return m
