"""Is a program what its network says, and how near is it to the user's float network?"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from golden.fidelity import Bounds, Distances, distances, reference_network
from golden.graph.network import Network
from golden.graph.reference import run_network
from golden.machine.result import Mismatch, Result
from golden.machine.run import run_program
from golden.machine.tensors import quantise
from golden.numerics.late import present
from golden.spec.errors import ErrorCode, LightDealError, ProgramError
from golden.spec.program import Program
from sim.checks.compare import first_mismatch, mismatch_count, values_compared


@dataclass(frozen=True)
class Fidelity:
    """The golden machine beside what its program was compiled from.

    Parameters
    ----------
    images: how many.
    compared, mismatches, first: values of every layer's output against the reference network, exact.
    scales: tensors whose scale is not the network's.
    distances: from the float networks; None for a network that has none, and where torch is missing, which
        they run in.
    """

    images: int
    compared: int
    mismatches: int
    first: Mismatch | None
    scales: tuple[str, ...]
    distances: Distances | None

    def faults(self, bounds: Bounds | None = None) -> tuple[str, ...]:
        """What is wrong, a sentence each; empty if all is well, by `Bounds()` unless told otherwise.

        Without float networks only the exact comparison can find something.
        """
        found = []
        if self.first is not None:
            found.append(
                f"the golden machine differs from the reference network in {self.mismatches:,} values; "
                f"first: {self.first}"
            )
        if self.scales:
            found.append(f"tensors whose scale is not the reference network's: {', '.join(self.scales)}")
        if self.distances is not None:
            found += self.distances.faults(bounds or Bounds())
        return tuple(found)


def fidelity(program: Program, images: npt.NDArray[np.floating], golden: Result | None = None) -> Fidelity:
    """Compares a program with its reference network and with the float networks that came with it.

    Parameters
    ----------
    images: real images, (N, C, H, W), finite; labels are not needed.
    golden: the golden machine's result for these images, if there is one already.

    Raises NoReferenceError if the program does not say what it was compiled from, ProgramError if
    the golden machine stops, LightDealError for images of another shape, none, or not finite ones.
    """
    shape = program.tensor(program.input).shape
    if np.shape(images)[1:] != shape or len(images) == 0:
        raise LightDealError(
            f"images: found shape {np.shape(images)}; "
            f"expected (images, {', '.join(map(str, shape))}), at least one"
        )
    network, images = reference_network(program), np.asarray(images)
    inputs = quantise(images, program.tensor(program.input).scale)
    result = golden or run_program(program, inputs)
    if result.error != ErrorCode.NONE:
        raise ProgramError(f"program: the golden machine stops with {result.error.name}")
    expected = run_network(network, inputs)
    return Fidelity(
        images=len(inputs),
        compared=values_compared(expected, program),
        mismatches=mismatch_count(expected, result, program),
        first=first_mismatch(expected, result, program),
        scales=_other_scales(program, network),
        distances=distances(network, program, result.tensors, images)
        if network.floats and present()
        else None,
    )


def _other_scales(program: Program, network: Network) -> tuple[str, ...]:
    return tuple(it.name for it in program.tensors if it.scale != network.features[it.name].scale)
