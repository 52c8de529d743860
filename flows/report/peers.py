"""Open designs that a user might pick instead, measured with open tools; other people's work, our figures.

The workloads differ from this project's and are named with each; nothing here is made by a command of ours.
"""

from dataclasses import dataclass

from flows.base.metrics import Metric

WHEN = "measured with open tools, November 2026"


@dataclass(frozen=True)
class Peer:
    """LUT4 sites and 18×18 multipliers of ECP5, and the workload's dense MACs in a cycle."""

    title: str
    workload: str
    luts: float
    multipliers: float
    rate: float


CONV = "conv 3×3, 16→16 channels, 16×16 map, int8"

PEERS = {
    "nngen": Peer("NNgen 1.3.4, 1×1", CONV, 20_651, 11, 8.7),
    "cgra4ml": Peer("cgra4ml 8×16", f"{CONV}, cycles by formula", 24_091, 128, 94),
    "hps_accel": Peer("CFU Playground hps_accel", "its own 4×4 conv, int8", 5_245, 36, 31.7),
    "finn": Peer("FINN matrix-vector unit, compute only", CONV, 5_231, 48, 32),
    "alkaid": Peer(
        "Alkaid, weights hard-wired, no memory", "the same conv, powers of two, 75 % zeros", 5_837, 0, 2_304
    ),
}
"""Name in metrics → what was measured."""


def peer_metrics() -> list[Metric]:
    """`peers.NAME.luts`, .multipliers, .rate."""
    return [
        Metric(
            f"peers.{name}.{quantity}",
            getattr(peer, quantity),
            unit,
            better,
            f"{WHEN}; {peer.title}, {peer.workload}",
        )
        for name, peer in PEERS.items()
        for quantity, unit, better in (
            ("luts", "LUT4 sites", "less"),
            ("multipliers", "1", "less"),
            ("rate", "1", "more"),
        )
    ]
