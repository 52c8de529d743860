"""From a Network to a Program: `compile_network`, and the choice of folding: `choose_fold`."""

from golden.compiler.build import compile_network
from golden.compiler.folding import choose_fold

__all__ = ["choose_fold", "compile_network"]
