"""The benchmark: options, help, and what does it."""

from dataclasses import dataclass
from pathlib import Path

from flows.base.option_kinds import Count, OutFolder
from flows.base.verb import Verb


@dataclass(frozen=True)
class Bench:
    """What a user waits for, in processor seconds, and the speed of the compiled simulator.

    Parameters
    ----------
    images: of the whole network that the simulators run.
    times: that each simulator runs them; the fastest counts.
    default: the simulator of DEFAULT too.
    demo: the demo too, which takes longest.
    """

    images: Count = 100
    times: Count = 5
    default: bool = True
    demo: bool = True
    out: OutFolder = Path("build/bench")


BENCH = Verb(
    "bench",
    "benchmark: processor seconds of demo, Verilog, builds; speed of the compiled simulator",
    Bench,
    "flows.bench.verb:bench",
    {
        "times": "runs of each simulator; the fastest counts",
        "default": "build the simulator of the default configuration too",
        "demo": "the demo too, which takes longest",
    },
    takes="some 8 minutes",
)
