"""A word of the feature memory in the controller's hands."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import Config
from golden.spec.learning import INT8_LARGEST
from hw.interfaces import access_signature


class FeatureBuffer(wiring.Component):
    """Takes words and gives them back, and works on their bytes, one a cycle.

    Golden: `golden.machine.controller`.  Latency: `lane` → `byte` none; what is put or fetched is there in
    the next cycle but one at the latest.

    Members
    -------
    clear: In, all bytes become 0.
    fetch, write: In, until `done`: the word at `address` comes, goes.  address: In.  done: Out, in the cycle
    of the grant. features: Out, to the feature memory.
    lane: In.  byte: Out, that of the lane.
    put: In, the byte of the lane becomes `value`, with `passing` only where an error passes it, else 0.
    relu: In, of `passing`: 0 < byte < 127, else |byte| < 127.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        access = access_signature(config)
        super().__init__(
            {
                **dict.fromkeys(("clear", "fetch", "write", "put", "passing", "relu"), In(1)),
                "address": In(access.members["address"].shape),
                "done": Out(1),
                "features": Out(access),
                "lane": In(range(config.lanes)),
                "byte": Out(signed(8)),
                "value": In(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        features = self.features
        word = Signal(self._config.lanes * 8)
        come, passes = Signal(), Signal()
        m.d.comb += [
            features.valid.eq(self.fetch | self.write),
            features.write.eq(self.write),
            features.address.eq(self.address),
            features.data.eq(word),
            self.done.eq(features.valid & features.grant),
            self.byte.eq(word.word_select(self.lane, 8)),
            passes.eq(
                (self.byte < INT8_LARGEST) & (self.byte > Mux(self.relu, 0, -INT8_LARGEST)) | ~self.passing
            ),
        ]
        m.d.sync += come.eq(self.fetch & features.grant)
        with m.If(come):
            m.d.sync += word.eq(features.read)
        with m.If(self.put):
            m.d.sync += word.word_select(self.lane, 8).eq(Mux(passes, self.value, 0))
        with m.If(self.clear):
            m.d.sync += word.eq(0)
        return m
