"""The golden machine as a backend among the others."""

from collections.abc import Callable

from golden.machine.result import Result
from golden.spec.program import Program
from sim.backends.protocol import Conditions, Int8


class GoldenMachine:
    """What is true; it has no streams, so no condition concerns it."""

    name = "golden"

    def run(
        self, program: Program, images: Int8, conditions: Conditions, on_image: Callable[[int], None] | None
    ) -> Result:
        """See `sim.backends.protocol.Backend`."""
        # It loads torch, which the command line's help can do without.
        from golden.machine.run import run_program

        return run_program(program, images, _in_batches(on_image))


def _in_batches(on_image: Callable[[int], None] | None) -> Callable[[int], None] | None:
    """`on_image` for a backend that reports how many images are done."""
    if on_image is None:
        return None
    done = 0

    def report(count: int) -> None:
        nonlocal done
        for number in range(done, count):
            on_image(number)
        done = count

    return report
