"""RTLIL of a component, in which equal components are one module."""

import re
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, ClockSignal, Fragment, Instance, ResetSignal, Value, ValueCastable
from amaranth.hdl._ir import PortDirection, build_netlist
from amaranth.lib import wiring

_CLOCK, _RESET = "clk", "rst"


def component_rtlil(component: wiring.Component, name: str, async_reset: bool = False) -> str:
    """RTLIL of a component as a module of that name, with the modules below it.

    What is `hw.parts.shared.Shared` becomes a module for each kind, beside the top, which is called by the
    name of the top and that of its class. Memories of zeros carry no initial values: the hardware relies on
    none, and tools take minutes to read one line for every word.

    Parameters
    ----------
    async_reset: registers with a reset are asynchronous, so that one sees which have one, and to what; for
        simulators that make something else of it.
    """
    return _Emission(name, async_reset).emit(component)


class _Emission:
    """Amaranth's platform for one emission."""

    def __init__(self, top: str, async_reset: bool) -> None:
        self._top = top
        self._async_reset = async_reset
        self._names: dict[Any, str] = {}
        self._modules: dict[str, str] = {}

    def emit(self, component: wiring.Component) -> str:
        top = self._module(component, self._top)
        return "\n".join([top, *self._modules.values()])

    def get_shared(self, component: wiring.Component, key: Any) -> Instance:
        """Instead of a shared component; see `hw.parts.shared.Shared`."""
        if key not in self._names:
            name = self._names[key] = self._free_name(type(component).__name__)
            self._modules[name] = self._module(component, name)
        else:
            component._MustUse__used = True
        name = self._names[key]
        domain = [("i", _CLOCK, ClockSignal()), ("i", _RESET, ResetSignal(allow_reset_less=True))]
        ports = [
            ("i" if direction is PortDirection.Input else "o", port, value)
            for port, (value, direction) in _ports(component).items()
        ]
        # A module without registers has no clock.
        there = [port for port in domain if f"input {port[1]}" in self._header(name)]
        return Instance(name, *ports, *there)

    def _header(self, name: str) -> str:
        """The ports of a module that was emitted: "input NAME"… one a line."""
        found = re.findall(r"^  wire (?:.* )?(input|output) \d+ (?:.* )?\\(\S+)$", self._modules[name], re.M)
        return "\n".join(" ".join(each) for each in found)

    def _free_name(self, kind: str) -> str:
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower()
        stem = f"{self._top}.{snake}"
        name, number = stem, 1
        while name in self._names.values():
            name, number = f"{stem}{number}", number + 1
        return name

    def _module(self, component: wiring.Component, name: str) -> str:
        """As `amaranth.back.rtlil.convert`."""
        netlist = build_netlist(
            Fragment.get(component, self),
            ports=_ports(component),
            name=name,
            missing_domain=lambda domain: ClockDomain(domain, async_reset=self._async_reset),
        )
        empty = rtlil.EmptyModuleChecker(netlist)
        builder = rtlil.Design(emit_src=False)
        for index, module in enumerate(netlist.modules):
            if not empty.is_empty(index):
                into = builder.module(".".join(module.name))
                if index == 0 and name == self._top:
                    into.attribute("top", 1)
                _Emitter(into, netlist, module, _NoNames(), empty_checker=empty).emit()
        return str(builder)


class _NoNames(dict[Any, Any]):
    """Where signals of the netlist went: nobody asks."""

    def __setitem__(self, key: Any, value: Any) -> None:
        pass


class _Emitter(rtlil.ModuleEmitter):
    """Amaranth's, but for memories of zeros, and second names of the fields of signals."""

    def emit_signal_fields(self) -> None:
        pass

    def emit_memory(self, cell_idx: int, cell: Any) -> None:
        if any(cell.init):
            super().emit_memory(cell_idx, cell)


def _ports(component: wiring.Component) -> dict[str, tuple[Value, PortDirection]]:
    """Name → port and its direction; names as `amaranth.back.rtlil.convert` makes them."""
    ports = {}
    for path, member, value in component.signature.flatten(component):
        found = value.as_value() if isinstance(value, ValueCastable) else value
        direction = PortDirection.Input if member.flow is wiring.In else PortDirection.Output
        ports["__".join(map(str, path))] = (found, direction)
    return ports
