"""The code that each kind of result depends on, as roots for `flows.base.sources`."""

SYNTHESIS = (
    "flows.synth.area",
    "flows.synth.blocks",
    "flows.synth.carry",
    "flows.synth.copies",
    "flows.synth.liberty",
    "flows.synth.mapping",
    "flows.synth.memories",
    "flows.synth.netlist",
    "flows.synth.reads",
    "flows.synth.route",
    "flows.synth.wrap",
    "flows/synth/rows.v",
)
"""What makes a netlist of a component, and counts, places and routes it."""

ARITHMETICS = ("flows.studies.training", "flows.studies.contestants", "flows.studies.arithmetics")
TRAINING = ("flows.studies.training", "flows.studies.study")
DEMO = (
    "flows.user.demo",
    "flows.user.demo_metrics",
    "flows.user.demo_learning",
    "flows.studies.training",
    "hw.core.accelerator",
    "hw.learning.accelerator",
)
LEARNING_DEVICE = ("flows.learn.device", "hw.learning.accelerator")
ZOO = ("flows.zoo.networks", "flows.zoo.rows", "flows.base.measure", "hw.core.accelerator")
FUZZ = ("flows.fuzz.networks", "flows.fuzz.weights", "flows.fuzz.verb", "hw.core.accelerator")
NORMS = (*SYNTHESIS, "hw.lightnorm.unit", "hw.baselines.batchnorm.batch_norm", "flows/base/units.py")
BOARD = (*SYNTHESIS, "hw.tops.selftest", "flows.board.boards", "flows.board.contents", "flows.board.verb")
REPORT = (
    *SYNTHESIS,
    "hw.core.accelerator",
    "flows.studies.training",
    "flows.studies.contestants",
    "flows.studies.arithmetics",
    "flows.base.energy",
    "flows.report.area",
    "flows.report.programs",
    "flows.report.collect",
)
