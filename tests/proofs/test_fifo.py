"""The queue of the streams (`SyncFIFO`, in `hw.lightnorm.peak`) keeps order and count, under any stalls.

Proved by induction, so for runs of any length. The method: note one item of free choice when it is
put in and how many are ahead of it, then demand that it comes out as it is when those are gone. An
item that is lost, doubled, changed or overtaken breaks that. The words are narrow: a queue does
not look at them.
"""

from pathlib import Path

import pytest
from amaranth.hdl import Assert, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In

from tests.proofs.prover import Mode, Verdict, prove

WIDTH = 2


class OpenedFIFO(SyncFIFO):
    """A queue with a view of the word at `place` in its storage and of its two positions."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__(width=width, depth=depth)
        self.place = Signal(range(depth))
        self.word = Signal(width)
        self.put = Signal(range(depth))
        self.get = Signal(range(depth))

    def elaborate(self, platform: object) -> Module:
        m = super().elaborate(platform)
        storage = m.submodules.storage
        (write,), (read,) = storage.write_ports, storage.read_ports
        view = storage.read_port(domain="comb")
        m.d.comb += [
            self.put.eq(write.addr),
            self.get.eq(read.addr),
            view.addr.eq(self.place),
            self.word.eq(view.data),
        ]
        return m


class Queue(wiring.Component):
    """A queue between a source and a sink that do as they like.

    put, item: In, the source offers an item.  take: In, the sink is ready.  choose: In, note the
    item that goes in now.  lose, repeat: In, faults: an item is taken from the source but not
    kept; an item is given to the sink but not removed (only if `faulty`).
    """

    put: Signal
    item: Signal
    take: Signal
    choose: Signal
    lose: Signal
    repeat: Signal

    def __init__(self, depth: int, faulty: str | None = None) -> None:
        self._depth, self._faulty = depth, faulty
        ports = {name: In(1) for name in ("put", "take", "choose", "lose", "repeat")}
        super().__init__({"item": In(WIDTH), **ports})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        depth = self._depth
        m.submodules.fifo = fifo = OpenedFIFO(WIDTH, depth)
        lose = self.lose if self._faulty == "lose" else 0
        repeat = self.repeat if self._faulty == "repeat" else 0
        m.d.comb += [
            fifo.w_data.eq(self.item),
            fifo.w_en.eq(self.put & ~lose),
            fifo.r_en.eq(self.take & ~repeat),
        ]
        into, out = self.put & fifo.w_rdy, self.take & fifo.r_rdy

        held = Signal(range(depth + 1))
        noted = Signal()
        note = Signal(WIDTH)
        ahead = Signal(range(depth + 1))
        m.d.sync += held.eq(held + into - out)
        with m.If(noted & out):
            m.d.sync += ahead.eq(ahead - 1)
            with m.If(ahead == 0):
                m.d.sync += noted.eq(0)
        with m.If(self.choose & into & ~noted):
            m.d.sync += [noted.eq(1), note.eq(self.item), ahead.eq(held - out)]

        # What the queue's users rely on.
        with m.If(noted & out & (ahead == 0)):
            m.d.comb += Assert(fifo.r_data == note, "the noted item comes out in its turn")
        m.d.comb += [
            Assert(fifo.r_rdy == (held != 0), "there is something to take if more went in than came out"),
            Assert(fifo.w_rdy == (held != depth), "there is room until `depth` items are held"),
        ]
        if self._faulty is None:
            # How the storage holds it: what induction needs to know about a state.
            m.d.comb += [
                fifo.place.eq(Mux(fifo.get + ahead >= depth, fifo.get + ahead - depth, fifo.get + ahead)),
                Assert(fifo.level == held),
                Assert((fifo.get < depth) & (fifo.put < depth) & (held <= depth)),
                Assert((fifo.get + held == fifo.put) | (fifo.get + held == fifo.put + depth)),
                Assert(~noted | ((ahead < held) & (fifo.word == note))),
            ]
        return m


@pytest.mark.parametrize("depth", [2, 5, 8])
def test_order_and_count_are_kept_for_ever(depth: int, tmp_path: Path) -> None:
    assert prove(Queue(depth), Mode.ALWAYS, 2, tmp_path) == Verdict.PROVED


@pytest.mark.parametrize("faulty", ["lose", "repeat"])
def test_a_queue_that_loses_or_repeats_is_found_out(faulty: str, tmp_path: Path) -> None:
    assert prove(Queue(3, faulty), Mode.BOUNDED, 10, tmp_path) == Verdict.REFUTED
