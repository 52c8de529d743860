"""`lightdeal report readme` and `lightdeal report stale`: the figures of README.md and docs/."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from flows.base.files import read_text, write_whole
from flows.base.plots import summary
from flows.explore.commands import AREA_MODEL
from flows.explore.fitted import is_current
from flows.figures.blocks import BLOCKS
from flows.figures.commands import ReadmeReport, StaleReport
from flows.figures.groups import GROUPS, Group
from flows.figures.kept import RESULTS, Kept, read_all, stale_groups, take, write
from flows.figures.picture import panels
from golden.spec.errors import LightDealError

PICTURE = Path("docs/results.svg")

MARK = re.compile(
    r"<!-- (?P<name>[\w-]+): written by `\./run report readme` -->\n(?P<text>.*?)<!-- end of (?P=name) -->",
    re.DOTALL,
)
"""A block: all between its two lines is made of kept metrics."""


def texts(root: Path) -> list[Path]:
    """README.md and the pages of docs."""
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def update_texts(options: ReadmeReport) -> str:
    """Keep what `options.build` has measured, then write every block and the picture below `options.root`.

    A group that was measured on other code than the present one is not kept. Returns what was done.
    Raises LightDealError if a file cannot be read, or a text has an unknown block or a mark without its end.
    """
    folder = options.root / RESULTS
    for path in texts(options.root):  # what is wrong with a text is said before anything is kept
        fill(path, read_all(folder))
    said = [f"{group.name}: {_keep(group, options.build, folder)}" for group in GROUPS]
    kept = read_all(folder)
    filled = {path: fill(path, kept) for path in texts(options.root)}
    said += [f"written: {path}" for path, text in filled.items() if text != path.read_text()]
    for path, text in filled.items():
        write_whole(path, text)
    if shown := panels(kept):
        summary(options.root / PICTURE, shown)
    return "\n".join([*said, *_stale_lines(kept)])


def _keep(group: Group, build: Path, folder: Path) -> str:
    found = take(group, build)
    if isinstance(found, str):
        return f"left as it was: {found}"
    return f"kept in {write(group, found, build, folder)}"


def fill(path: Path, kept: Mapping[str, Kept], blocks: Mapping[str, Callable[..., str]] = BLOCKS) -> str:
    """The text of a file with every block written anew."""
    text = read_text(path, "text")

    def made(found: re.Match[str]) -> str:
        name = found["name"]
        if name not in blocks:
            raise LightDealError(f"text {path}: unknown block {name!r}; legal: {', '.join(blocks)}")
        try:
            return block_text(name, blocks[name](kept))
        except KeyError as missing:
            raise LightDealError(
                f"text {path}: block {name!r}: {missing} is not among the kept metrics; measure it again"
            ) from missing

    opened = len(re.findall(r"<!-- [\w-]+: written by", text))
    if opened != len(MARK.findall(text)):
        raise LightDealError(f"text {path}: {opened} blocks begin, {len(MARK.findall(text))} of them end")
    return MARK.sub(made, text)


def block_text(name: str, text: str) -> str:
    """A block with its marks."""
    return f"<!-- {name}: written by `./run report readme` -->\n\n{text.strip()}\n\n<!-- end of {name} -->"


def stale(options: StaleReport) -> tuple[str, bool]:
    """What must be measured again, with the commands; and whether nothing must."""
    lines = _stale_lines(read_all(options.root / RESULTS))
    return "\n".join(lines) or "every kept figure was measured on this code", not lines


def _stale_lines(kept: Mapping[str, Kept]) -> list[str]:
    lines = [
        f"stale: {group.name}: {why}; about {group.minutes} minutes of a core: {group.command}"
        for group, why in stale_groups(kept)
    ]
    if not is_current(AREA_MODEL):
        lines.append(f"stale: {AREA_MODEL.name}, the area model: fitted to other hardware: ./run area")
    return lines
