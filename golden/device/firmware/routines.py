"""What a step does for many layers, as routines: all of them."""

from dataclasses import dataclass

from golden.device.assembly import ZERO, Assembly, Label, Register, Routine
from golden.device.data import DataPlan
from golden.device.firmware.moves import beta_routine, bias_routine, gamma_routine, weights_routine
from golden.device.firmware.scales import level_routine, scale_routine, statistics_routine
from golden.learning.network import Network
from golden.spec.frames import NUMBER_BYTES


@dataclass(frozen=True)
class Routines:
    """The routines of a step; their functions below say what they are given."""

    scale: Routine
    level: Routine
    statistics: Routine
    gamma: Routine
    beta: Routine
    weights: Routine
    bias: Routine
    parameters: Routine
    send: Routine


def write_routines(it: Assembly, network: Network, plan: DataPlan, images: int) -> Routines:
    """All of them; nothing runs into them."""
    past = Label()
    it.go(past)
    found = Routines(
        scale=scale_routine(it, plan),
        level=level_routine(it, plan),
        statistics=statistics_routine(it, plan, network.share),
        gamma=gamma_routine(it, plan),
        beta=beta_routine(it, plan),
        weights=weights_routine(it, plan, network, images),
        bias=bias_routine(it, plan),
        parameters=_parameters(it),
        send=_send(it),
    )
    it.put(past)
    return found


def _parameters(it: Assembly) -> Routine:
    """gamma and beta go to LightNorm.

    Given: address of the first word and of the end; channel of the first in LightNorm's memory.
    """

    def body(place: Register, end: Register, channel: Register) -> None:
        with it.registers(1) as (word,):
            again = it.here()
            it.load(word, place)
            it.parameter(word, channel)
            it.add(channel, channel, 1)
            it.add(place, place, 1)
            it.unequal(place, end, again)

    return it.routine(3, body)


def _send(it: Assembly) -> Routine:
    """Numbers into the feature memory, NUMBER_BYTES each, from a whole word on.

    Given: address of the first number and of the end; of the first feature word.
    """
    lanes = it.config.lanes

    def body(place: Register, end: Register, to: Register) -> None:
        together = min(NUMBER_BYTES, lanes)
        with it.registers(3) as (word, lane, lanes_):
            it.constant(lanes_, lanes)
            it.add(lane, ZERO, 0)
            again, room, last = it.here(), Label(), Label()
            it.load(word, place)
            for first in range(0, NUMBER_BYTES, together):
                for byte in range(together):
                    it.put_byte(word, lane + byte)
                    it.floor(word, word, -8)
                if first + together < NUMBER_BYTES:
                    it.write(to)
                    it.add(to, to, 1)
            it.add(lane, lane, together)
            it.unequal(lane, lanes_, room)
            it.write(to)
            it.add(to, to, 1)
            it.add(lane, ZERO, 0)
            it.put(room)
            it.add(place, place, 1)
            it.unequal(place, end, again)
            # A word that is begun.
            it.equal(lane, ZERO, last)
            it.write(to)
            it.put(last)

    return it.routine(3, body)
