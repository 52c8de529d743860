"""One rounder to int8 for the two passes that need it, of which one runs at a time."""

from amaranth.hdl import Module, Mux
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.block import SCALAR_BITS
from golden.spec.commands import index_bits
from golden.spec.config import Config
from golden.spec.formats import ACTIVATION_BITS
from golden.spec.learning import ERROR_RANDOM_BITS, NORM_FORMAT
from hw.learning.map_rounder import MapRounder, map_beat, map_rule
from hw.lightnorm.layouts import result_bits

_ERROR_COUNT_BITS = 24


def value_bits(config: Config) -> int:
    """Signed bits of a value: sums; results of LightNorm, and mantissas of spikes, which go the same way."""
    return max(config.accumulator_bits, result_bits(NORM_FORMAT), SCALAR_BITS + 1)


def count_bits(config: Config) -> int:
    """Bits of the counts."""
    return max(_ERROR_COUNT_BITS, index_bits(config) + 1)


def rounder_signature(config: Config) -> wiring.Signature:
    """User → rounder: the members of `MapRounder`, of `basis` lanes."""
    lanes = config.basis
    counts = In(count_bits(config))
    return wiring.Signature(
        {
            "enable": Out(1),
            "rule": Out(map_rule()),
            "i": Out(stream.Signature(map_beat(lanes, value_bits(config)))),
            "draw": In(1),
            "random": Out(ERROR_RANDOM_BITS * lanes),
            "valid": In(1),
            "coming": In(1),
            "o": In(ACTIVATION_BITS * lanes),
            "busy": In(1),
            "clear": Out(1),
            "saturated": counts,
            "large": counts,
        }
    )


class SharedRounder(wiring.Component):
    """A `MapRounder` for one of two users.

    Golden, latency, throughput: those of `MapRounder`.

    Members
    -------
    second: In, it is the second user's; stands still from the cycle before its first beat to its last byte.
    users: In, of both. The other one's members do not count, but for `clear`; nothing is drawn or valid for
        it, and its ready does not tell. Only the second one has maps that mask.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__({"second": In(1), "users": In(rounder_signature(config)).array(2)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self._config
        m.submodules.rounder = rounder = MapRounder(config.basis, value_bits(config), count_bits(config))
        first, second = self.users
        m.d.comb += [
            rounder.enable.eq(Mux(self.second, second.enable, first.enable)),
            rounder.random.eq(Mux(self.second, second.random, first.random)),
            rounder.clear.eq(first.clear | second.clear),
        ]
        for whole, one, other in (
            (rounder.rule, first.rule, second.rule),
            (rounder.i.payload, first.i.payload, second.i.payload),
        ):
            for name in whole.shape().members:
                mask = name == "mask"
                m.d.comb += whole[name].eq(other[name] if mask else Mux(self.second, other[name], one[name]))
        m.d.comb += rounder.i.valid.eq(Mux(self.second, second.i.valid, first.i.valid))
        for user, own in ((first, ~self.second), (second, self.second)):
            m.d.comb += [
                user.i.ready.eq(user.enable),
                *(
                    getattr(user, name).eq(getattr(rounder, name) & own)
                    for name in ("draw", "valid", "coming", "busy")
                ),
                *(getattr(user, name).eq(getattr(rounder, name)) for name in ("o", "saturated", "large")),
            ]
        return m
