"""What it costs. The rivals, against which the core is measured, are plugged in here."""

from golden.spec import arithmetics
from golden.spec.baselines import ARITHMETICS


def _plug_in() -> None:
    # Their streams and datapaths load torch and Amaranth, which the command line's help can do without.
    from golden import baselines as streams
    from hw import baselines as datapaths

    streams.register_all()
    datapaths.register_all()


for _arithmetic in ARITHMETICS:
    arithmetics.register(_arithmetic, _plug_in)
