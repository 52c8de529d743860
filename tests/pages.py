"""The blocks of code of a page of docs, in their order."""

import re
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(
    r"^```(?:\{code-block\} )?(?P<language>python|sh)\n(?P<head>(?::\w+: [^\n]*\n)*)\n?(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """Code in a page; `file` is the name that its caption gives it, or ""."""

    language: str
    file: str
    text: str


def blocks(page: Path) -> list[Block]:
    """All blocks of Python and of the shell."""
    found = []
    for it in BLOCK.finditer(page.read_text()):
        caption = re.search(r":caption: (.*)", it["head"])
        found.append(Block(it["language"], caption[1] if caption else "", it["text"]))
    return found


def files(page: Path) -> dict[str, str]:
    """Name → text of the files of a page; blocks of one name follow each other."""
    found: dict[str, str] = {}
    for block in blocks(page):
        if block.file:
            found[block.file] = f"{found[block.file]}\n\n{block.text}" if block.file in found else block.text
    return found
