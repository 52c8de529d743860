"""Names in a Verilog file, read without the code that makes them plain."""

import re

from hw.tops.names import VERILOG, reserved

_NO_NAMES = re.compile(r'"[^"]*"|//.*|/\*.*?\*/|\(\*(?!\)).*?\*\)')
_DECLARED = re.compile(
    r"\b(?:module|reg|wire|input|output)\b((?:\s+(?:reg|wire|signed)\b)*)(?:\s*\[[^]]*\])*\s*([^;()=]+)"
)


def odd_names(text: str) -> set[str]:
    """Names that are declared and escaped, hold a "$" or are reserved, and words that only other languages
    reserve."""
    bare = _NO_NAMES.sub("", text)
    declared = {
        word for _, names in _DECLARED.findall(bare) for word in re.findall(r"\\\S+|[A-Za-z_][\w$]*", names)
    }
    assert declared, "no names: is this Verilog?"
    escaped = set(re.findall(r"\\\S+", bare))
    others = {word for word in re.findall(r"[A-Za-z_]\w*", bare) if reserved(word)} - VERILOG
    return escaped | others | {name for name in declared if reserved(name) or "$" in name}
