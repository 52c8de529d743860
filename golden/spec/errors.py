"""Errors: the exceptions of the Python side and the codes of the hardware's error register."""

from enum import IntEnum


class LightDealError(ValueError):
    """Base of every error that a user can cause; its text names what, where and what is right.

    problems: the texts of several errors that are told at once; else empty.
    """

    problems: tuple[str, ...] = ()


class UnsupportedError(LightDealError):
    """A network holds something that the accelerator cannot run; the text names the layer."""


class CapacityError(LightDealError):
    """A network does not fit a configuration; the text names the memory and both sizes."""


class ProgramError(LightDealError):
    """A Program file is damaged, foreign, of another version or of another configuration."""


class ErrorCode(IntEnum):
    """Value of the accelerator's error register; docs/machine.md, section 7, says what recovers from each.

    Codes below `FIRST_RECOVERED` stop the machine until reset. After the others its streams are still in
    step: the frame or the program is dropped, and the code stands until the next run begins or the first
    word of a program is taken.
    """

    NONE = 0
    MAGIC = 1
    """The program stream does not begin with the magic word of this version."""
    CONFIGURATION = 2
    """The program was made for another configuration digest."""
    SECTION = 3
    """A section names an unknown memory or an address outside it."""
    CHECKSUM = 4
    """The checksum at the end of the program stream is wrong."""
    INSTRUCTION = 5
    """An instruction has an illegal operation or field."""
    STREAM = 6
    """A coefficient stream and the rows of its job do not end together."""
    TIMEOUT = 7
    """A run took more cycles than the program allows."""
    SHORT_IMAGE = 8
    """The last word of an image came before the program's `input_words`."""
    LONG_IMAGE = 9
    """The program's `input_words` came, and the last of them was not marked as the last."""
    PROGRAM = 10
    """A program without a run word or without its first instruction, or a run word with impossible ranges."""

    @property
    def recovers(self) -> bool:
        """Whether the machine goes on without a reset."""
        return self >= FIRST_RECOVERED


ERROR_BITS = max(ErrorCode).bit_length()
"""Width of the error register."""

FIRST_RECOVERED = 8
"""The lowest code after which no reset is needed: the highest bit of the register says so."""


class MachineError(LightDealError):
    """The machine stopped; `code` is what its error register holds."""

    def __init__(self, code: ErrorCode, text: str) -> None:
        super().__init__(f"{code.name}: {text}")
        self.code = code


class MissingWordsError(MachineError):
    """A run reads memory words that the program does not bring; the hardware reads what is there."""
