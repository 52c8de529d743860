"""A document as one HTML page without anything from outside; it reads on a phone and on paper."""

from html import escape

from flows.report.document import (
    Block,
    Document,
    Figure,
    Heading,
    Inline,
    Paragraph,
    Picture,
    Table,
    anchor,
    shown,
)

STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; font: 1rem/1.5 system-ui, sans-serif; color: #1b1b1b;
  background: #fff; }
h1 { font-size: 1.6rem; line-height: 1.2; }
h2 { font-size: 1.25rem; margin-top: 2.2rem; border-bottom: 1px solid #ccc; }
h3 { font-size: 1.05rem; margin-top: 1.6rem; }
a { color: inherit; text-decoration-color: #9ab; text-underline-offset: 0.15em; }
nav ul { padding-left: 1.2rem; }
.scroll { overflow-x: auto; margin: 0.8rem 0; }
table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25rem 0.6rem; border-bottom: 1px solid #ddd; text-align: right; vertical-align: top; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 2px solid #888; }
.sources td { text-align: left; overflow-wrap: anywhere; }
.sources td:nth-child(2) { text-align: right; white-space: nowrap; }
:target { background: #fff3bf; }
figure { margin: 1.2rem 0; }
figure svg { display: block; width: 100%; max-width: 40rem; height: auto; }
figcaption { font-size: 0.875rem; color: #555; }
@media (max-width: 40rem) {
  body { padding: 0.6rem; }
  .sources thead { display: none; }
  .sources tr { display: block; padding: 0.4rem 0; border-bottom: 1px solid #ddd; }
  .sources td { display: inline; border: 0; padding: 0 0.4rem 0 0; }
  .sources td:last-child { display: block; color: #555; }
}
@media print {
  body { max-width: none; padding: 0; font-size: 9pt; }
  nav { display: none; }
  .scroll { overflow: visible; }
  table { font-size: 7.5pt; }
  th, td { padding: 1pt 3pt; }
  a { text-decoration: none; }
  tr, figure { break-inside: avoid; }
  figure svg { max-width: 13cm; }
  h2, h3 { break-after: avoid; }
  thead { display: table-header-group; }
}
"""


def _inline(part: Inline) -> str:
    if isinstance(part, Figure):
        return f'<a href="#{anchor(part.name)}">{escape(part.text)}</a>'
    words = escape(part).split("`")
    return "".join(f"<code>{word}</code>" if number % 2 else word for number, word in enumerate(words))


def _section(number: int) -> str:
    return f"s{number}"


def _table(block: Table) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in block.header)
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{_inline(cell)}</td>" for cell in row) + "</tr>" for row in block.rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table></div>"
    )


def _block(block: Block, number: int) -> str:
    if isinstance(block, Heading):
        return f'<h{block.level} id="{_section(number)}">{_inline(block.text)}</h{block.level}>'
    if isinstance(block, Paragraph):
        return "<p>" + "".join(_inline(part) for part in block.parts) + "</p>"
    if isinstance(block, Picture):
        return f"<figure>{block.svg}<figcaption>{_inline(block.caption)}</figcaption></figure>"
    return _table(block)


def page(document: Document) -> str:
    """The whole page; equal documents give equal bytes."""
    contents = "\n".join(
        f'<li><a href="#{_section(number)}">{_inline(block.text)}</a></li>'
        for number, block in enumerate(document.blocks)
        if isinstance(block, Heading) and block.level == 2
    )
    body = "\n".join(_block(block, number) for number, block in enumerate(document.blocks))
    sources = "\n".join(
        f'<tr id="{anchor(it.name)}"><td><code>{escape(it.name)}</code></td><td>{escape(shown(it))}</td>'
        f"<td>{escape(it.unit)}</td><td>{escape(it.source)}</td></tr>"
        for it in document.metrics.values()
    )
    title = escape(document.title)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        f'<nav><ul>\n{contents}\n<li><a href="#sources">Sources</a></li>\n</ul></nav>\n{body}\n'
        '<h2 id="sources">Sources</h2>\n<div class="scroll" tabindex="0"><table class="sources">\n'
        '<thead><tr><th scope="col">metric</th><th scope="col">value</th><th scope="col">unit</th>'
        f'<th scope="col">source</th></tr></thead>\n<tbody>\n{sources}\n</tbody></table></div>\n'
        "</body>\n</html>\n"
    )
