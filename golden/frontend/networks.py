"""What users call a network, as one torch module."""

from typing import Any

from torch import nn
from torch.export import ExportedProgram

from golden.frontend.exported.program import module_of_program
from golden.frontend.modules import unwrapped


def module_of(network: Any) -> nn.Module:
    """A module without its wrappers; of a program of torch.export the module that computes the same.

    Raises UnsupportedError where a program cannot be taken.
    """
    if isinstance(network, ExportedProgram):
        return module_of_program(network, "ExportedProgram")
    return unwrapped(network)
