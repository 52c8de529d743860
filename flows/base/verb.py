"""What a verb of the command line is: options, help, and what does it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from golden.spec.config import PRESETS

WORDS: Mapping[str, str] = {
    "build": "folder of the results of all verbs",
    "changed": "largest share of labels that may differ from those of the float network before compression",
    "config": f"configuration: {', '.join(PRESETS)}, or a .toml file",
    "data": "images to train and test with",
    "densities": "kept fractions of the coefficients",
    "epochs": "epochs of training with the labels; 0 for none",
    "images": "how many images; all, or as many as is usual for the data set, where no default is said",
    "model": "file of the area model",
    "out": "where the result goes",
    "program": "program file, made by compile",
    "root": "folder with README.md and docs",
    "seed": "seed of all that is random: first weights, order of training, values, stalls, draws",
    "seeds": "number of seeds",
    "snr": "smallest signal-to-noise ratio of a tensor, in dB, against the compressed network in floats",
    "synth": "folder of the runs of synthesis",
    "unit": "accelerator, or a part of it (a wrong name lists them)",
    "workers": "processes side by side (default: one for each core)",
}
"""Option → help, for options that several verbs have."""


@dataclass(frozen=True)
class Said:
    """What a verb has to say.

    Parameters
    ----------
    text: for people.
    well: whether all was well; else the exit code is 1.
    values: the same for programs: numbers, texts, lists and mappings of them.
    """

    text: str
    well: bool = True
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Verb:
    """A verb of the command line.

    Parameters
    ----------
    name: one word, or two: a verb and what it is about.  help: a line.
    options: frozen dataclass; each field is an option, its kind declared as in `flows.base.option_kinds`.
    work: "module:function" of the verb's own room, loaded when it is called, so that the help need not load
        what all verbs work with. The function takes the options and returns the text to print, that and
        whether all was well, or a `Said`.
    words: option → help, beside and before `WORDS`.
    takes: how long it takes, where that is more than seconds; roughly, on two cores.
    """

    name: str
    help: str
    options: type
    work: str
    words: Mapping[str, str] = field(default_factory=dict)
    takes: str = ""

    def said(self, option: str) -> str:
        """The help of an option."""
        return self.words[option] if option in self.words else WORDS[option]

    def function(self) -> Callable[[Any], "str | tuple[str, bool] | Said"]:
        """What does the verb."""
        module, _, name = self.work.partition(":")
        return getattr(import_module(module), name)

    def do(self, options: Any) -> Said:
        """What the function says."""
        said = self.function()(options)
        if isinstance(said, Said):
            return said
        return Said(said) if isinstance(said, str) else Said(*said)
