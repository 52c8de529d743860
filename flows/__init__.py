"""What it costs. The rivals, against which the core is measured, are plugged in here."""

from golden import baselines as streams
from hw import baselines as datapaths

streams.register_all()
datapaths.register_all()
