"""From a float network to sparse power-of-two coefficients times a small basis, in integers.

`compress` is the whole way; its steps can be called alone.
"""

from golden.compress.api import compress
from golden.compress.budget import Budget
from golden.compress.defaults import default_plan, int8_plan, no_basis_plan
from golden.compress.plan import CompressionPlan, LayerPlan
from golden.compress.result import Compressed, LayerReport
from golden.compress.retrain import Schedule
from golden.compress.sensitivity import sensitivity
from golden.frontend.importer import import_module

__all__ = [
    "Budget",
    "Compressed",
    "CompressionPlan",
    "LayerPlan",
    "LayerReport",
    "Schedule",
    "compress",
    "default_plan",
    "import_module",
    "int8_plan",
    "no_basis_plan",
    "sensitivity",
]
