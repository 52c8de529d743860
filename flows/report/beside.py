"""What stands beside the report's own figures: power from gates, other people's designs, LightNorm."""

from collections.abc import Iterator, Mapping

from flows.base.metrics import Metric
from flows.report.document import Block, Heading, Inline, Paragraph, figure, table
from flows.report.names import AREA, NETWORKS, TITLES
from flows.report.peers import PEERS, WHEN

Metrics = Mapping[str, Metric]


def power(metrics: Metrics) -> Iterator[Block]:
    """One engine in standard cells; to compare with the table, never to add to it."""
    yield Heading(2, "Power from gates beside the table")
    yield Paragraph(
        (
            "One engine in standard cells of 0.18 µm, 1.8 V, toggles counted in gates that equal RTL output "
            "for output in the first layers of a test image; its memory is a macro and not in it. "
            "It is never added to the table, which is of 45 nm; to compare, it is multiplied by ",
            figure(metrics, "power.scale"),
            " (energy goes with C·V², and C with the feature size).",
        )
    )
    if "power.gates_over_table" in metrics:
        yield _why(metrics)
    rows = {
        "cell area, µm²": "power.cell_area",
        "flip-flops": "power.flip_flops",
        "highest frequency, MHz": "power.mhz",
        "power at that frequency, mW": "power.total",
        "of it internal": "power.internal",
        "of it switching": "power.switching",
        "of it leakage": "power.leakage",
        "of it flip-flops": "power.sequential",
        "of it gates": "power.combinational",
        "of it flip-flops whose clock alone moves": "power.clock",
        "energy of a cycle, gates, 0.18 µm, pJ": "power.gates",
        "the same, scaled to 45 nm, pJ": "power.gates_scaled",
        "energy of a cycle, table, 45 nm, pJ": "power.table",
        "gates, scaled ÷ table": "power.gates_over_table",
        "the same without the clock": "power.unclocked_over_table",
        "cycles in which gates and RTL were compared": "power.compared",
    }
    yield table(
        ["engine 0 of SMALL, digits", ""], [[row, figure(metrics, name)] for row, name in rows.items()]
    )


def _why(metrics: Metrics) -> Paragraph:
    """How far gates and table differ, and why."""
    return Paragraph(
        (
            "They differ ",
            figure(metrics, "power.gates_over_table"),
            " times, for three reasons. The table counts the registers that are read or written; the netlist "
            "clocks all ",
            figure(metrics, "power.flip_flops"),
            " flip-flops in every cycle, the accumulators among them, of which a step changes one a lane: ",
            figure(metrics, "power.clock"),
            " mW of ",
            figure(metrics, "power.total"),
            " mW flow there although no data changes. Without that, as if the clock were gated wherever "
            "nothing changes, ",
            figure(metrics, "power.unclocked_over_table"),
            " times are left: multiplexers that choose an accumulator, buffers and control, which the table "
            "leaves out. And cells of 0.18 µm need not shrink like C·V². Wires and glitches are in neither.",
        )
    )


def peers(metrics: Metrics) -> Iterator[Block]:
    """Open designs, each with its own workload."""
    yield Heading(2, "What one would pick instead")
    yield Paragraph(
        (
            f"Peers {WHEN}; their workloads differ and are named. Sites and multiplier blocks for each "
            "dense MAC a cycle; a network that is small and never changes is best hard-wired (Alkaid).",
        )
    )
    title = next(iter(NETWORKS.values()))
    cells: list[list[Inline]] = [
        [
            f"LightDeal, {arithmetic}, no DSP",
            f"network {title}",
            figure(metrics, f"{AREA}.{name}.sites"),
            "none",
            figure(metrics, f"{AREA}.{name}.mac_rate"),
            figure(metrics, f"{AREA}.{name}.sites_per_rate"),
        ]
        for name, arithmetic in TITLES.items()
    ]
    for name, peer in PEERS.items():
        quantities = ("luts", "multipliers", "rate", "luts_per_rate")
        cells.append(
            [peer.title, peer.workload, *(figure(metrics, f"peers.{name}.{it}") for it in quantities)]
        )
    header = [
        "design",
        "workload",
        "LUT4 sites",
        "multiplier blocks",
        "dense MACs a cycle",
        "sites ÷ (MACs a cycle)",
    ]
    yield table(header, cells)


def lightnorm(metrics: Metrics) -> Iterator[Block]:
    """The main figures of LightNorm\'s own report."""
    yield Heading(2, "LightNorm")
    yield Paragraph(("From its own report, which `lightdeal report lightnorm` writes.",))
    rows = {
        "accuracy, LightNorm": "lightnorm.accuracy",
        "accuracy, batch norm": "batchnorm.accuracy",
        "bits of payload for a value": "lightnorm.bits_per_element.g4",
        "cell area, LightNorm, µm²": "lightnorm.cell_area",
        "cell area, batch norm in FP32, µm²": "batchnorm_fp32.cell_area",
        "cell area, batch norm in bfloat16, µm²": "batchnorm_bf16.cell_area",
    }
    yield table(["", ""], [[row, figure(metrics, name)] for row, name in rows.items()])
