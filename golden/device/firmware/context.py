"""What the parts of a step's program share."""

from dataclasses import dataclass
from functools import partial

from golden.device.ahead import Step
from golden.device.assembly import ZERO, Assembly, Register
from golden.device.commands import StepCommands
from golden.device.data import DataPlan
from golden.device.firmware.head import Head
from golden.device.firmware.routines import Routines
from golden.device.firmware.schedule import Schedule, Work
from golden.device.maps import error_owner
from golden.learning.network import Network
from golden.learning.scheme import Scheme
from golden.spec.learning import IMAGE_EXPONENT, SCALE_LARGE_SHARE, SCALE_SATURATED_SHARE


@dataclass(frozen=True)
class StepContext:
    """What a step is made for, and the program that is written.

    Parameters
    ----------
    steps: of the way forward.
    kept: of each layer, codes that learn.  values: of each layer, of its map of the batch.
    routines: they stand at the beginning of the program.  schedule: commands and the work beside them.
    """

    it: Assembly
    network: Network
    scheme: Scheme
    head: Head
    data: DataPlan
    steps: tuple[Step, ...]
    commands: StepCommands
    kept: tuple[int, ...]
    values: tuple[int, ...]
    routines: Routines
    schedule: Schedule

    def scale_work(self, counts: int, exponent: int, values: int, limits: tuple[int, int]) -> Work:
        """The scale of a tensor moves by its counts; addresses, values, lowest and highest exponent."""
        shares = values // SCALE_SATURATED_SHARE, values // SCALE_LARGE_SHARE
        call = partial(self.it.call, self.routines.scale, counts, exponent, *shares, *limits)
        return Work(call, 63)

    def map_exponent(self, register: Register, index: int) -> None:
        """Of map `index`."""
        if index:
            self.it.load(register, self.data.layers[index - 1].activation)
        else:
            self.it.add(register, ZERO, IMAGE_EXPONENT)

    def arrived(self, register: Register, index: int) -> None:
        """Exponent of the error of map `index`."""
        owner = error_owner(self.network, index)
        if owner == len(self.network.layers):
            self.it.load(register, self.data.head.map_error)
            self.it.add(register, register, -self.network.pool_shift)
        else:
            self.it.load(register, self.data.layers[owner - 1].map_error)
