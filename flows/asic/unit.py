"""Static timing of any unit that is mapped to a Liberty file."""

from flows.asic.gates import plain_netlist
from flows.asic.sta import Timing, timing
from flows.synth.liberty import Library
from flows.synth.netlist import Synthesis


def unit_timing(netlist: Synthesis, library: Library) -> Timing:
    """Shortest period of a netlist; what the tools write stands in its folder.

    Raises MissingTool without OpenSTA, LightDealError at its errors.
    """
    folder = netlist.folder / "timing"
    folder.mkdir(exist_ok=True)
    plain_netlist(netlist, folder)
    return timing(library, folder, netlist.name)
