"""A program of examples/ as a notebook: a cell for each part, with what it printed and its picture."""

import base64
import contextlib
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any

EXAMPLE = Path("examples/own_cnn.py")
"""The program that is kept as a notebook, beside it."""


def cells(text: str) -> list[tuple[str, str]]:
    """(kind, source) of each cell: the docstring and the comments between parts are text, all else is code.

    A part begins at a comment of its own at the left border, or at the first import.
    """
    _, docstring, code = text.split('"""', 2)
    found = [("markdown", docstring.strip())]
    for part in code.strip().split("\n\n# "):
        comment, _, rest = part.partition("\n")
        if part is not code.strip() and not part.startswith(("import", "from")):
            found += [("markdown", comment), ("code", rest.strip())]
        else:
            found.append(("code", part.strip()))
    return found


def executed(text: str, picture: str) -> str:
    """The notebook, with the outputs of running its cells in order in an empty folder.

    Parameters
    ----------
    text: of the program.  picture: file that it leaves, shown below the last cell.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    made: list[dict[str, Any]] = []
    count = 0
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for kind, source in cells(text):
                cell: dict[str, Any] = {"cell_type": kind, "id": f"cell{len(made)}", "metadata": {}}
                made.append(cell | {"source": source.splitlines(keepends=True)})
                if kind == "code":
                    count += 1
                    made[-1] |= {"execution_count": count, "outputs": _outputs(source, names)}
            image = base64.b64encode(Path(picture).read_bytes()).decode()
        finally:
            os.chdir(before)
    made[-1]["outputs"].append({"output_type": "display_data", "metadata": {}, "data": {"image/png": image}})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {
        "cells": made,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _outputs(source: str, names: dict[str, Any]) -> list[dict[str, Any]]:
    """What a cell prints, as an output; none where it is silent."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(source, "cell", "exec"), names)
    said = printed.getvalue().splitlines(keepends=True)
    return [{"output_type": "stream", "name": "stdout", "text": said}] if said else []


def sources(notebook: str) -> list[tuple[str, str]]:
    """(kind, source) of each cell of a notebook."""
    return [(it["cell_type"], "".join(it["source"])) for it in json.loads(notebook)["cells"]]


def is_current(example: Path) -> bool:
    """Whether the notebook beside a program has the program's cells."""
    kept = example.with_suffix(".ipynb")
    return kept.is_file() and sources(kept.read_text()) == cells(example.read_text())
