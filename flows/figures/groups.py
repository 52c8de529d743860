"""What the texts quote: which file of `build` has it, which command makes it, and what it depends on."""

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Group:
    """Metrics that one command makes.

    Parameters
    ----------
    name: of the file docs/results/NAME.json.
    file: the command's metrics, in `build`.  about: what made them, in `build`.
    command: for a user.  minutes: of one core, about, on a machine that has the tools.
    names: of the metrics that are kept; * stands for any letters.
    machine: the figures depend on the machine (its processor, its speed), not on the code alone.
    text: file in `build` with a text that is kept, too; "" for none.
    networks: files in `build` that are kept, too, so that what follows from them can be computed again.
    """

    name: str
    file: str
    about: str
    command: str
    minutes: int
    names: tuple[str, ...]
    machine: bool = False
    text: str = ""
    networks: tuple[str, ...] = ()

    def keeps(self, metric: str) -> bool:
        """Whether a metric of this name is kept."""
        return any(fnmatchcase(metric, name) for name in self.names)


def _unit(name: str, stem: str, command: str, minutes: int) -> Group:
    prefix = stem.replace("-", ".")
    return Group(
        name,
        f"synth/{stem}.json",
        f"synth/{stem}.provenance.json",
        f"./run synth {command} --route",
        minutes,
        (f"{prefix}.fmax_mhz", f"{prefix}.used.*", f"{prefix}.part.*"),
    )


LEARN = "learn"
"""Group of the training from nothing."""

GROUPS = (
    Group(
        "demo",
        "demo/metrics.json",
        "demo/about.json",
        "./run demo",
        3,
        ("*",),
        machine=True,
        text="demo/report.md",
        networks=("demo/smartdeal.net", "demo/no_basis.net"),
    ),
    Group(
        "accuracy",
        "accuracy/metrics.json",
        "accuracy/about.json",
        "./run accuracy",
        10,
        ("*",),
        machine=True,
    ),
    Group(
        "patterns",
        "table/metrics.json",
        "table/about.json",
        "./run table",
        15,
        ("table.*",),
        machine=True,
    ),
    Group(
        "report",
        "report/metrics.json",
        "report/about.json",
        "./run arithmetics --data digits; ./run report",
        60,
        (
            "ecp5.small.lut4_per_adder",
            "ecp5.small.lut4_per_adder_no_dsp",
            "ecp5.small.dsps_per_adder",
            "ecp5.small.*.sites",
            "ratio.digits.*",
        ),
        machine=True,
    ),
    Group(
        "report_fashion",
        "report/metrics.json",
        "report/about-fashion-mnist.json",
        "./run arithmetics --data fashion-mnist; ./run report",
        90,
        ("ratio.fashion-mnist.*",),
        machine=True,
    ),
    Group(
        "lightnorm",
        "lightnorm/metrics.json",
        "lightnorm/about.json",
        "./run report lightnorm",
        20,
        ("*.cell_area", "*.luts", "*.flip_flops", "*.dsps"),
    ),
    Group(
        LEARN,
        "learn/scratch.digits/metrics.json",
        "learn/scratch.digits/about.json",
        "./run learn scratch",
        2,
        ("learn.scratch.digits.*",),
        machine=True,
    ),
    Group(
        "zoo",
        "zoo/metrics.json",
        "zoo/about.json",
        "./run zoo",
        25,
        # The last one only a run of all networks has.
        ("*", "zoo.seconds"),
        machine=True,
        text="zoo/zoo.md",
    ),
    Group(
        "fuzz",
        "fuzz/metrics.json",
        "fuzz/about.json",
        "./run fuzz",
        2,
        ("fuzz.*",),
    ),
    Group(
        "tiny",
        "synth/ecp5-tiny-accelerator.json",
        "synth/ecp5-tiny-accelerator.provenance.json",
        "./run synth --target ecp5 --config tiny",
        2,
        tuple(f"ecp5.tiny.accelerator.{name}" for name in ("sites", "flip_flops", "block_rams", "dsps")),
    ),
    _unit("ecp5", "ecp5-small-accelerator", "--config small --target ecp5", 8),
    _unit(
        "ecp5_default",
        "ecp5-default-accelerator",
        "--config default --target ecp5 --no-blocks --mhz 50 --no-ripup",
        40,
    ),
    _unit(
        "ecp5_learning",
        "ecp5-small_learning_85k-learning-accelerator",
        "--config docs/configs/small_learning_85k.toml --target ecp5 --unit learning-accelerator "
        "--no-blocks --mhz 40 --no-ripup",
        40,
    ),
    Group(
        "board",
        "board/metrics.json",
        "board/about.json",
        "./run demo; ./run board build/demo/smartdeal.ldp --data digits",
        10,
        ("board.*",),
        machine=True,
    ),
    _unit(
        "up5k_engine", "ice40-up5k-engine", "--target ice40 --unit engine --config docs/configs/up5k.toml", 3
    ),
    _unit(
        "up5k_whole",
        "ice40-up5k_whole-accelerator",
        "--target ice40 --unit accelerator --config docs/configs/up5k_whole.toml",
        5,
    ),
    _unit("gowin", "gowin-tiny-engine-nodsp", "--target gowin --unit engine --config tiny --no-dsp", 3),
)
