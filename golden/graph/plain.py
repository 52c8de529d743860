"""Operations as JSON with arrays beside it, for files."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from golden.spec.memories import Fold


def plain(value: Any, name: str, arrays: dict[str, Any]) -> dict[str, Any]:
    """A dataclass as JSON; its arrays go to `arrays`, under names that begin with `name`."""
    found: dict[str, Any] = {"kind": type(value).__name__}
    for field in fields(value):
        part = getattr(value, field.name)
        if is_dataclass(part):
            found[field.name] = plain(part, f"{name}.{field.name}", arrays)
        elif hasattr(part, "dtype"):  # of NumPy or torch
            arrays[f"{name}.{field.name}"] = part
        else:
            found[field.name] = part.name if isinstance(part, Fold) else part
    return found


def made(entry: dict[str, Any], name: str, arrays: Mapping[str, Any], kinds: Mapping[str, type[Any]]) -> Any:
    """The inverse of `plain`; `kinds` are the dataclasses that may occur, by name."""
    kind = kinds[entry["kind"]]
    values = {}
    for field in fields(kind):
        part = entry[field.name] if field.name in entry else arrays[f"{name}.{field.name}"]
        if isinstance(part, dict):
            part = made(part, f"{name}.{field.name}", arrays, kinds)
        elif isinstance(part, list):
            part = tuple(part)
        values[field.name] = Fold[part] if field.type is Fold else part
    return kind(**values)
