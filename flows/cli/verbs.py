"""The verbs of all rooms, in the order of the help."""

from flows.base.verb import Verb
from flows.board import commands as board
from flows.cost import commands as cost
from flows.explore import commands as explore
from flows.figures import commands as figures
from flows.learn import commands as learn
from flows.report import commands as report
from flows.site import commands as site
from flows.studies import commands as studies
from flows.studies.lightnorm import commands as lightnorm
from flows.user import commands as user
from flows.zoo import commands as zoo

VERBS: dict[str, Verb] = {
    verb.name: verb
    for verb in (
        user.DEMO,
        user.COMPRESS,
        user.LAYERS,
        user.COMPILE,
        user.RUN,
        user.VERILOG,
        cost.SYNTH,
        user.HANDOFF,
        board.BOARD,
        zoo.ZOO,
        studies.TABLE,
        studies.ACCURACY,
        studies.ARITHMETICS,
        studies.BENCH,
        studies.MUTATE,
        explore.AREA,
        explore.EXPLORE,
        lightnorm.LIGHTNORM_SCREEN,
        lightnorm.LIGHTNORM_TRAIN,
        lightnorm.LIGHTNORM_RTL,
        report.REPORT,
        learn.LEARN_CLASSES,
        learn.LEARN_DATA,
        learn.LEARN_SCRATCH,
        learn.LEARN_MEASURE,
        learn.LEARN_DEVICE,
        learn.LEARN_REPORT,
        figures.REPORT_README,
        figures.REPORT_STALE,
        lightnorm.REPORT_LIGHTNORM,
        site.DOCS,
    )
}
"""A name of two words is a verb and what it is about; such a verb may also stand alone."""

GROUPS = {"lightnorm": lightnorm.GROUP, "learn": learn.GROUP}
"""Verbs that do not stand alone → help."""
