"""The LightNorm unit: STAT, APPLY, REDUCE and GRAD with results in blocks."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import Out

from golden.spec.block import NormFormat, Spikes
from hw.lightnorm.core import NormCore, norm_ports
from hw.lightnorm.encoder import Encoder, encoded


class LightNorm(wiring.Component):
    """Range batch norm in block floating point, forward and backward.

    Golden: `golden.lightnorm.unit`.  Throughput: one beat per cycle in every pass.  A channel is read twice,
    by STAT (REDUCE) and then by APPLY (GRAD), in the same order of channels; in between, other passes may
    come, and should: STAT 0, STAT 1, APPLY 0, STAT 2, APPLY 1 … has no pause where a channel has more
    beats than its arithmetic (`ChannelArithmetic`) takes cycles.  At most two channels wait for their
    second pass.
    Latency: 2 + `latency.ENCODE` cycles from APPLY's and GRAD's beats to `o` where groups are within a beat
    (`Encoder`).

    Parameters
    ----------
    fmt: number formats.  lanes: values of a beat, a power of two.  spikes: their treatment.
    index_bits: a channel has at most 2**index_bits values.

    Members
    -------
    i: stream of `pass_beat`; the beats of a channel and pass follow each other.
    parameters: stream of `parameters_layout`, one for each STAT and REDUCE of a channel; taken when its
    arithmetic has ended.
    o: stream of `encoded`: y and dx.  found: stream of `found`, one a channel and direction.
    places_out: stream of `extremes`, one a chunk of STAT.  places_in: the same, for GRAD; not read with
    spikes apart.
    chunk_beats, chunks, inverse, spread, epsilon: In, of `golden.spec.block.Constants`: `Chunks.length` /
    lanes, `Chunks.count`, and scalars; they stand still during a tensor.
    """

    i: stream.Interface
    parameters: stream.Interface
    places_in: stream.Interface
    o: stream.Interface
    found: stream.Interface
    places_out: stream.Interface

    def __init__(self, fmt: NormFormat, lanes: int, spikes: Spikes, index_bits: int = 20) -> None:
        self._fmt, self._lanes, self._spikes, self._index_bits = fmt, lanes, spikes, index_bits
        ports = norm_ports(fmt, lanes, index_bits)
        super().__init__({**ports, "o": Out(stream.Signature(encoded(fmt, lanes)))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt, lanes = self._fmt, self._lanes
        m.submodules.core = core = NormCore(fmt, lanes, self._spikes, self._index_bits)
        m.submodules.encoder = encoder = Encoder(fmt, lanes, self._spikes)
        wiring.connect(m, core.o, encoder.i)
        wiring.connect(m, encoder.o, wiring.flipped(self.o))
        for name in ("i", "parameters", "places_in", "found", "places_out"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(core, name))
        constants = ("chunk_beats", "chunks", "inverse", "spread", "epsilon")
        m.d.comb += [getattr(core, name).eq(getattr(self, name)) for name in constants]
        return m
