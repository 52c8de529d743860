"""Words of the feature memory, one after the other, as beats of a few bytes."""

from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from golden.spec.memories import feature_bits


def word_request(config: Config, tag: Any) -> data.StructLayout:
    """A word that is wanted, and what its beats shall say of themselves."""
    return data.StructLayout({"address": feature_bits(config), "tag": tag})


def word_beat(config: Config, tag: Any) -> data.StructLayout:
    """Bytes of a word, `basis` of them, the lowest first; the word's tag; whether they are its last."""
    return data.StructLayout({"bytes": config.basis * 8, "tag": tag, "ends": 1})


class WordReader(wiring.Component):
    """Asks for words in its turns and gives them in beats; one word waits while another leaves, or, `deep`,
    two.

    Golden: none.  Latency: from a grant, a word waits in the second cycle and its first beat is there in the
    cycle after `moves`.  Throughput: a beat a cycle; a word for each turn, if there are four cycles between
    turns, or two and it is deep.

    Parameters
    ----------
    config: lanes bytes make a word, basis of them a beat.  tag: shape of the tags.
    rooms: words that can wait, 1 or 2.

    Members
    -------
    clear: In, forgets all words.  deep: In, where there are two rooms; stands still from `clear` to the last
    word.
    i: stream of `word_request`; taken when it is granted.  o: stream of `word_beat`.
    turn: In, this cycle may ask.  moves: In, a word that waits may follow one that leaves in this cycle.
    ask: Out, in a turn, for the address of `i`.  grant, read: In, as in `access_signature`.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: Config, tag: Any, rooms: int) -> None:
        self._config, self._tag, self._rooms = config, tag, rooms
        super().__init__(
            {
                "clear": In(1),
                **({"deep": In(1)} if rooms > 1 else {}),
                "i": In(stream.Signature(word_request(config, tag))),
                "o": Out(stream.Signature(word_beat(config, tag))),
                "turn": In(1),
                "moves": In(1),
                "ask": Out(1),
                "grant": In(1),
                "read": In(config.lanes * 8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        size = self._config.basis * 8
        beats = self._config.lanes // self._config.basis
        fresh, full = Signal(), Signal()
        word, waiting = (
            Signal(self._config.lanes * 8, reset_less=True, name=name) for name in ("word", "waiting")
        )
        tag, next_tag, fresh_tag = (
            Signal(self._tag, reset_less=True, name=name) for name in ("tag", "next_tag", "fresh_tag")
        )
        left = Signal(range(beats + 1))
        taken, leaves, room = self.o.valid & self.o.ready, Signal(), Signal()
        m.d.comb += [
            room.eq(~full),
            self.ask.eq(self.turn & self.i.valid & room),
            self.i.ready.eq(self.turn & room & self.grant),
            self.o.valid.eq(left != 0),
            self.o.payload.bytes.eq(word[:size]),
            self.o.payload.tag.eq(tag),
            self.o.payload.ends.eq(left == 1),
            leaves.eq(full & self.moves & ((left == 0) | ((left == 1) & taken))),
        ]
        m.d.sync += fresh.eq(self.ask & self.grant)
        with m.If(self.ask & self.grant):
            m.d.sync += fresh_tag.eq(self.i.payload.tag)
        with m.If(leaves):
            m.d.sync += [word.eq(waiting), tag.eq(next_tag), left.eq(beats), full.eq(0)]
        with m.Elif(taken):
            m.d.sync += [word.eq(word >> size), left.eq(left - 1)]
        waits: Value = Const(0)
        if self._rooms > 1:
            more = Signal()
            spare, spare_tag = Signal.like(waiting, name="spare"), Signal(self._tag, name="spare_tag")
            waits = fresh & full & ~leaves
            m.d.comb += room.eq(Mux(self.deep, ~more, ~full))
            with m.If(leaves):
                m.d.sync += [waiting.eq(spare), next_tag.eq(spare_tag), full.eq(more), more.eq(0)]
            with m.If(waits):
                m.d.sync += [spare.eq(self.read), spare_tag.eq(fresh_tag), more.eq(1)]
            with m.If(self.clear):
                m.d.sync += more.eq(0)
        with m.If(fresh & ~waits):
            m.d.sync += [waiting.eq(self.read), next_tag.eq(fresh_tag), full.eq(1)]
        with m.If(self.clear):
            m.d.sync += [fresh.eq(0), full.eq(0), left.eq(0)]
        return m
