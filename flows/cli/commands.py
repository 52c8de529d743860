"""The verbs about the command line itself: options, help, and what does them."""

from dataclasses import dataclass
from typing import Annotated

from flows.base.option_kinds import Choice
from flows.base.verb import Verb

SHELLS = ("bash", "zsh", "fish", "tcsh", "powershell")


@dataclass(frozen=True)
class Doctor:
    """What is installed, and what is missing."""


@dataclass(frozen=True)
class Complete:
    """The completion of a shell."""

    shell: Annotated[str, Choice(SHELLS)]


DOCTOR = Verb(
    "doctor",
    "what is installed, what is missing for which verb, and how to get it",
    Doctor,
    "flows.cli.doctor:doctor",
)
COMPLETE = Verb(
    "complete",
    'completion for your shell: eval "$(lightdeal complete bash)"',
    Complete,
    "flows.cli.complete:complete",
    {"shell": ", ".join(SHELLS)},
)
