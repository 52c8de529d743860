"""Where the blocks that a forward pass writes are: in their channel, their chunk and the parameter memory."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.commands import block_record, index_bits
from golden.spec.config import Config
from hw.learning.ports import blocks_signature
from hw.lightnorm.chunk_counter import place_layout


class BlockPlaces(wiring.Component):
    """Counts what the map writer gives. All channels of a round have their words in turn, so a word of each
    is at the same place as those before it.

    Golden: `golden.spec.block.Chunks`.  Latency: none; `place` and `address` speak of the bytes that are
    there.  Throughput: a beat a cycle.

    Members
    -------
    i: In.  place: Out, `place_layout`; `beat` is 0.
    address: Out, parameter word of the channel.
    resumes: Out, the channel goes on, and another one had the word before.  ends: Out, the word's last bytes.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "i": In(blocks_signature(config)),
                "place": Out(place_layout(index_bits(config))),
                "address": Out(block_record(config).width("parameter_address")),
                "resumes": Out(1),
                "ends": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        it, layer, place = self.i, self.i.layer, self.place
        opens, first = it.slice == 0, it.channel == 0
        # Beats and chunks: of the beat that is there, of the one behind it, of the round's words in hand.
        within, chunk = Signal.like(layer.chunk_beats), Signal.like(layer.chunks)
        next_within, next_chunk = Signal.like(within), Signal.like(chunk)
        word_within, word_chunk = Signal.like(within), Signal.like(chunk)
        behind, chunk_behind = within + 1, chunk + 1
        full = (behind == layer.chunk_beats) & (chunk_behind != layer.chunks)
        with m.If(opens & ~first):
            m.d.comb += [within.eq(word_within), chunk.eq(word_chunk)]
        with m.Elif(~it.initial):
            m.d.comb += [within.eq(next_within), chunk.eq(next_chunk)]
        with m.If(it.valid):
            m.d.sync += [next_within.eq(Mux(full, 0, behind)), next_chunk.eq(Mux(full, chunk_behind, chunk))]
            with m.If(opens & first):
                m.d.sync += [word_within.eq(within), word_chunk.eq(chunk)]

        # The round's first channel; `past` is behind the channel of the word before.
        round_, here, past = Signal.like(self.address), Signal.like(self.address), Signal.like(self.address)
        begins = it.initial & first
        m.d.comb += here.eq(Mux(begins, round_ + past, round_))
        with m.If(it.valid):
            m.d.sync += [round_.eq(here), past.eq(it.channel + 1)]
        with m.If(it.start):
            m.d.sync += [round_.eq(layer.parameter_address), past.eq(0)]
        m.d.comb += [
            place.first.eq(it.initial),
            place.last.eq(it.final),
            place.begins.eq(within == 0),
            place.ends.eq(full | it.final),
            place.initial.eq(chunk == 0),
            self.address.eq(here + it.channel),
            # The only channel of a round has its sums at hand.
            self.resumes.eq(it.valid & opens & ~it.initial & ~(first & (past == 1))),
            self.ends.eq(it.valid & (it.slice == self._config.lanes // self._config.basis - 1)),
        ]
        return m
