"""The verbs of all rooms, by what one wants to do, in the order of the help."""

from flows.base.verb import Verb
from flows.bench import commands as bench
from flows.board import commands as board
from flows.cli import commands as cli
from flows.cost import commands as cost
from flows.explore import commands as explore
from flows.figures import commands as figures
from flows.fuzz import commands as fuzz
from flows.learn import commands as learn
from flows.report import commands as report
from flows.site import commands as site
from flows.studies import commands as studies
from flows.studies.lightnorm import commands as lightnorm
from flows.user import commands as user
from flows.zoo import commands as zoo

SECTIONS: dict[str, tuple[Verb, ...]] = {
    "see it work": (user.DEMO,),
    "bring your own network": (
        user.LAYERS,
        user.COMPRESS,
        user.COMPILE,
        user.RUN,
        user.VERILOG,
        user.HANDOFF,
        board.BOARD,
    ),
    "train on the device": (
        learn.LEARN_CLASSES,
        learn.LEARN_DATA,
        learn.LEARN_SCRATCH,
        learn.LEARN_MEASURE,
        learn.LEARN_DEVICE,
        learn.LEARN_REPORT,
    ),
    "know what it costs": (
        cost.SYNTH,
        report.REPORT,
        studies.ARITHMETICS,
        explore.EXPLORE,
        explore.AREA,
        bench.BENCH,
    ),
    "repeat the studies": (
        zoo.ZOO,
        studies.TABLE,
        studies.ACCURACY,
        lightnorm.LIGHTNORM_SCREEN,
        lightnorm.LIGHTNORM_TRAIN,
        lightnorm.LIGHTNORM_RTL,
        lightnorm.REPORT_LIGHTNORM,
    ),
    "work on LightDeal": (
        cli.DOCTOR,
        cli.COMPLETE,
        studies.MUTATE,
        fuzz.FUZZ,
        figures.REPORT_README,
        figures.REPORT_STALE,
        site.DOCS,
    ),
}
"""What one wants to do → the verbs for it. A word of two verbs stands where its first one does."""

VERBS: dict[str, Verb] = {verb.name: verb for verbs in SECTIONS.values() for verb in verbs}
"""A name of two words is a verb and what it is about; such a verb may also stand alone."""

GROUPS = {"lightnorm": lightnorm.GROUP, "learn": learn.GROUP}
"""Verbs that do not stand alone → help."""
