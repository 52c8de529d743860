"""The verb synth: options, help, and what does it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from flows.base.option_kinds import (
    Choice,
    DataSet,
    FoundFile,
    OutFolder,
    Real,
)
from flows.base.verb import Verb
from flows.synth.targets import TARGETS


@dataclass(frozen=True)
class Synth:
    """What a unit of a configuration costs on a target; without any option but `out`, all of it.

    Parameters
    ----------
    config, target, unit: None stand for small, ecp5 and accelerator; units are names of `flows.base.units`.
    dsp: multipliers may use DSP blocks.
    liberty: Liberty file in the place of osu018's.
    blocks: count by block, too; takes a second run.
    operations: in its place, what each operation adds that a configuration may leave out.
    route: place and route, too.
    mhz: frequency that the router aims at; None for that of SMALL.
    ripup: the router takes up again what is too slow, where it can.
    timing: static timing, too (of an ASIC).
    power: program of `config` whose first layers an engine runs in gates, for its power, or None.
    data: data set of the program's image.
    out: folder of the runs and results.
    """

    config: str | None = None
    target: Annotated[str, Choice(TARGETS)] | None = None
    unit: str | None = None
    dsp: bool = True
    liberty: FoundFile | None = None
    blocks: bool = True
    operations: bool = False
    route: bool = False
    mhz: Annotated[float, Real(1, 1000)] | None = None
    ripup: bool = True
    timing: bool = False
    power: FoundFile | None = None
    data: DataSet = "digits"
    out: OutFolder = Path("build/synth")

    @property
    def whole(self) -> bool:
        """Nothing but the place is asked for: all figures are wanted."""
        return self == Synth(out=self.out)

    @property
    def also(self) -> tuple[Path, ...]:
        """Where else results go."""
        return (Path("build"),) if self.whole else ()


SYNTH = Verb(
    "synth",
    "what it costs: all of it, or one unit: cells, frequency, power",
    Synth,
    "flows.cost.verb:synth",
    {
        "blocks": "count by block, too (a second run)",
        "dsp": "let multipliers use DSP blocks",
        "liberty": "Liberty file in the place of osu018's, for --target osu018",
        "operations": "what each operation adds that a configuration may leave out, one by one",
        "power": "program whose first layers an engine runs in gates, for its power (--unit engine)",
        "mhz": "frequency that the router aims at (default: what SMALL reaches on ECP5); out of reach, it "
        "may take for ever",
        "ripup": "the router takes up again what is too slow (ECP5); --no-ripup for a unit that fills "
        "most of the part, where there is no end to it",
        "route": "place and route, too",
        "target": "what synthesis maps to; osu018: an ASIC of 0.18 µm, or of --liberty",
        "timing": "static timing, too (--target osu018)",
    },
    takes="minutes for a unit; hours without options, as all of them are measured",
)
