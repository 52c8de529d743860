"""Equal components that are emitted once."""

from typing import Any

from amaranth.hdl import Elaboratable
from amaranth.lib import wiring


class Shared(Elaboratable):
    """A component that may stand for others like it: `m.submodules.name = Shared(component)`.

    A platform that emits modules may have a method `get_shared(component, key)`, which answers what stands in
    the component's place: an instance of the module that was made of the first one with that key. For all
    others, such as simulation, this is the component itself. Nothing may transform it from outside
    (`EnableInserter` and its like), since an instance would not heed that.

    Parameters
    ----------
    component: whose `elaborate` depends on its type and on what its constructor keeps, and on nothing else.
    """

    def __init__(self, component: wiring.Component) -> None:
        self._component = component

    def elaborate(self, platform: Any) -> Elaboratable:
        if hasattr(platform, "get_shared"):
            return platform.get_shared(self._component, shared_key(self._component))
        return self._component


def shared_key(component: wiring.Component) -> tuple[Any, ...]:
    """Equal for components that are alike: the type, and all that is kept beside the members.

    Raises TypeError where that cannot be hashed, as for a component that keeps wires.
    """
    members = component.signature.members
    kept = [
        (name, value)
        for name, value in vars(component).items()
        if name not in members and not name.startswith(("_MustUse__", "_Component__"))
    ]
    key = (type(component), *sorted(kept, key=lambda pair: pair[0]))
    hash(key)
    return key
