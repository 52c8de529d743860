"""How weights become streams, streams sums, and both cycles: one protocol, the core's own arithmetic."""

from golden.datapath.protocol import register
from golden.datapath.shift_add import SHIFT_ADD

register(SHIFT_ADD)
