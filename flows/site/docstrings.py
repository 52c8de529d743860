"""Docstrings of this project as reStructuredText: paragraphs, literals, sections with a line a name."""

import re
from collections.abc import Iterator, Sequence

SPECIAL = re.compile(r"([\\*|_])")
LITERAL = re.compile(r"(`[^`]+`)")
NAME = re.compile(r"(?:^|(?<=\.  ))([\w*, ]+): ")


def restructured(lines: Sequence[str]) -> list[str]:
    """The lines of a docstring, without its indentation, as reStructuredText."""
    found: list[str] = []
    for heading, part in _sections(list(lines)):
        if heading:
            found += [f".. rubric:: {heading}", "", *_names(part), ""]
        else:
            found += [*_paragraphs(part), ""]
    return found


def _sections(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """(heading, lines below it); what comes first has the heading "". An empty line ends a section."""
    heading = ""
    part: list[str] = []
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if line and re.fullmatch("-{3,}", following.strip()):
            yield heading, part
            heading, part = line.strip(), []
        elif re.fullmatch("-{3,}", line.strip()) and heading:
            continue
        elif heading and not line.strip() and part:
            yield heading, part
            heading, part = "", []
        else:
            part.append(line)
    yield heading, part


def _names(lines: Sequence[str]) -> Iterator[str]:
    """A list of names and what they are; two on one line stand apart."""
    whole: list[str] = []
    for line in lines:
        if line.startswith(" ") and whole:
            whole[-1] += f" {line.strip()}"
        else:
            whole.append(line)
    for line in whole:
        places = [it.start(1) for it in NAME.finditer(line)] or [0]
        for start, end in zip(places, [*places[1:], len(line)], strict=True):
            name, colon, text = line[start:end].strip().partition(": ")
            yield f"* ``{name}``: {inline(text)}" if colon else f"* {inline(name)}"


def _paragraphs(lines: Sequence[str]) -> Iterator[str]:
    """Paragraphs as they are; what is indented stands as it is written."""
    within = False
    for line in lines:
        indented = line.startswith("    ")
        if indented and not within:
            yield from ("", "::", "")
        if within and line.strip() and not indented:
            yield ""
        within = indented or (within and not line.strip())
        if indented:
            yield line
        elif line.startswith("* "):
            yield f"* {inline(line[2:])}"
        else:
            yield inline(line)


def inline(text: str) -> str:
    """Text with its literals between double backticks and nothing else that has a meaning."""
    return "".join(
        f"`{it}`" if number % 2 else SPECIAL.sub(r"\\\1", it) for number, it in enumerate(LITERAL.split(text))
    )
