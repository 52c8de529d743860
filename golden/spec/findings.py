"""Problems found on one walk through a network, told all at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from golden.spec.errors import CapacityError, LightDealError, UnsupportedError


class Findings:
    """Errors in the order in which they were found, each text once."""

    def __init__(self) -> None:
        self.errors: list[LightDealError] = []

    def add(self, error: LightDealError) -> None:
        """Keep an error for later."""
        if str(error) not in map(str, self.errors):
            self.errors.append(error)

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Keeps the error that ends the block, and goes on behind it."""
        try:
            yield
        except LightDealError as error:
            self.add(error)

    def demand(self) -> None:
        """Raises what was found: one error as it is, several as one whose text has a line for each,
        a CapacityError if all are, else an UnsupportedError."""
        if len(self.errors) == 1:
            raise self.errors[0]
        if self.errors:
            capacity = all(isinstance(error, CapacityError) for error in self.errors)
            lines = "".join(f"\n  {error}" for error in self.errors)
            text = f"{len(self.errors)} problems:{lines}"
            error = CapacityError(text) if capacity else UnsupportedError(text)
            error.problems = tuple(map(str, self.errors))
            raise error
