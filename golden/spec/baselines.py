"""The baselines' arithmetics: words of their streams (docs/machine.md, section 9)."""

from golden.spec import formats
from golden.spec.arithmetics import Arithmetic
from golden.spec.fields import Field, Record

WEIGHT_RECORD = Record(
    "weights",
    (
        Field("first", formats.ACTIVATION_BITS, doc="a weight; in a head its number of slots; an advance"),
        Field("second", formats.ACTIVATION_BITS, doc="the weight after it"),
    ),
)
"""One word of a stream of int8 weights (INT8 and ROWS_INT8)."""

REBUILD_GROUPS = (1, 2, 3)
"""Columns of Ce that an engine of REBUILD can take."""

REBUILD_RECORD = Record(
    "rebuild",
    (
        Field("codes", formats.BASIS * formats.CODE_BITS, doc="column 0 low; see golden.spec.formats"),
        Field("slot", 4, doc="slot of the first weight"),
        Field("advance", 8, doc="rows to step forward before it"),
    ),
)
"""A row of Ce of one unit (REBUILD)."""

REBUILD_HEAD = Record(
    "rebuild head",
    (
        Field("slots", 8, doc="slots in use; as many words follow, each a column of B"),
        Field("size", 2, doc="S: weights that a row of Ce stands for"),
    ),
)
"""The first word of a block of rows of Ce."""

REBUILD_COLUMN = Record(
    "rebuild column",
    tuple(Field(f"b{k}", formats.ACTIVATION_BITS, True, f"B[{k}, column]") for k in range(formats.BASIS)),
)
"""The basis of one slot: W[slot] = Σ_k code[k] · b[k]."""

INT8 = Arithmetic("int8", lambda _: WEIGHT_RECORD.bits, formats.ACTIVATION_BITS)
"""Dense: every int8 weight is multiplied and added, zero or not."""

ROWS_INT8 = Arithmetic("rows_int8", lambda _: WEIGHT_RECORD.bits, formats.ACTIVATION_BITS)
"""The same; rows of weights that are zero for all filters of a job are left out."""

REBUILD = Arithmetic("rebuild", lambda _: REBUILD_RECORD.bits, REBUILD_RECORD.bits + 1)
"""Weights W = Ce·B are rebuilt exactly, once per engine, then multiplied and added.

A step carries a row of Ce or, with the flag on top, a column of B for its slot.
"""

ARITHMETICS = (INT8, ROWS_INT8, REBUILD)
