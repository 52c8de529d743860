"""The verb of random networks: options, help, and what does it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from flows.base.option_kinds import Count, OutFolder, Seed, Whole
from flows.base.verb import Verb

Some = Annotated[int, Whole(0, 10_000_000)]


@dataclass(frozen=True)
class Fuzz:
    """Random networks through the reference, the golden machine and the cycle model, some through RTL.

    Parameters
    ----------
    networks: so many, of the seeds from `seed` on.
    rtl: so many of them, spread evenly, through the compiled simulator, too.
    """

    networks: Count = 1000
    rtl: Some = 100
    seed: Seed = 1
    config: str = "tiny"
    out: OutFolder = Path("build/fuzz")


FUZZ = Verb(
    "fuzz",
    "random networks: reference, golden machine, cycle model and RTL agree",
    Fuzz,
    "flows.fuzz.verb:fuzz",
    {"networks": "number of networks", "rtl": "so many of them in the compiled simulator, too"},
    takes="about a second for each network, some more for those in RTL",
)
