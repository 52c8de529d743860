"""What every stream promises: a payload that is offered stands until it is taken."""

from typing import Any

from amaranth.hdl import Value
from amaranth.lib import stream, wiring
from amaranth.sim import Simulator

from sim.drivers.ports import SimulationError


def output_streams(component: wiring.Component) -> list[str]:
    """Names of the component's output streams."""
    return [
        name
        for name, member in component.signature.members.items()
        if member.flow is wiring.Out
        and member.is_signature
        and isinstance(member.signature, stream.Signature)
    ]


def watch_outputs(simulator: Simulator, component: wiring.Component) -> None:
    """Looks at every output stream in every cycle of domain `sync`, beside what drives it.

    `Simulator.run` raises SimulationError naming stream and cycle if `valid` falls, or a payload changes,
    though the payload was not taken; a reset takes back what was offered. What comes after the last
    cycle that somebody waits for is not looked at.
    """
    names = output_streams(component)
    if not names:
        return
    ports = [getattr(component, name) for name in names]
    watched = [Value.cast(signal) for port in ports for signal in (port.valid, port.ready, port.payload)]

    async def watch(ctx: Any) -> None:
        cycle = 0
        offered: dict[str, int] = {}
        async for _, reset, *seen in ctx.tick().sample(*watched):
            for name, place in zip(names, range(0, len(seen), 3), strict=True):
                valid, ready, payload = seen[place : place + 3]
                refuse_change(name, cycle, offered.pop(name, None), payload if valid else None)
                if valid and not ready and not reset:
                    offered[name] = payload
            cycle += 1

    simulator.add_process(watch)


def refuse_change(name: str, cycle: int, offered: int | None, now: int | None) -> None:
    """Raises SimulationError if what stood on a stream, not taken, is not there in the next cycle.

    Parameters
    ----------
    cycle: number of the cycle of `now`.
    offered: the payload that was not taken, or None.  now: the payload, or None without `valid`.
    """
    if offered is not None and now != offered:
        found = "nothing" if now is None else f"{now:#x}"
        raise SimulationError(
            f"stream {name}, cycle {cycle}: payload {offered:#x} was not taken, then {found} stood there"
        )
