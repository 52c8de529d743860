"""The benchmark: options, help, and what does it."""

from dataclasses import dataclass
from pathlib import Path

from flows.base.option_kinds import Count, OutFolder
from flows.base.verb import Verb


@dataclass(frozen=True)
class Bench:
    """What a user waits for, in processor seconds, and the speed of the simulators.

    Parameters
    ----------
    images: of the whole network that the simulators run.
    demo: the demo too, which takes longest.
    """

    images: Count = 100
    demo: bool = True
    out: OutFolder = Path("build/bench")


BENCH = Verb(
    "bench",
    "benchmark: processor seconds of demo, Verilog, builds; speed of the simulators",
    Bench,
    "flows.bench.verb:bench",
    {"demo": "the demo too, which takes longest"},
    takes="some 10 minutes",
)
