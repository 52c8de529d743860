"""A document as Markdown; every figure is a link to its source at the end."""

from flows.base.metrics import table
from flows.report.document import Document, Figure, Heading, Inline, Paragraph, Picture, Table, anchor, shown

UNITS = {"1": ""}
"""Units that are not written."""


def _inline(part: Inline) -> str:
    return f"[{part.text}](#{anchor(part.name)})" if isinstance(part, Figure) else part


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def markdown(document: Document) -> str:
    """The text; equal documents give equal bytes."""
    parts = [f"# {document.title}"]
    for block in document.blocks:
        if isinstance(block, Heading):
            parts.append(f"{'#' * block.level} {block.text}")
        elif isinstance(block, Paragraph):
            parts.append("".join(_inline(part) for part in block.parts))
        elif isinstance(block, Table):
            parts.append(table(block.header, [[_cell(_inline(cell)) for cell in row] for row in block.rows]))
        elif isinstance(block, Picture):
            parts.append(f"![{block.caption}]({block.name}.svg)\n\n{block.caption}")
    sources = [
        f'- <a id="{anchor(it.name)}"></a>`{it.name}` = '
        f"{shown(it)}{UNITS.get(it.unit, f' {it.unit}')}: {it.source}"
        for it in document.metrics.values()
    ]
    parts += ["## Sources", "\n".join(sources)]
    return "\n\n".join(parts) + "\n"
