"""The page of what broke others: each test that it names is there, and says of which threads it is."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
ROW = re.compile(r"^\| (?P<what>[^|]+) \| (?P<threads>[^|]+#[^|]+) \| (?P<holds>[^|]+) \| (?P<test>[^|]*)\|$")


def rows() -> list[dict[str, str]]:
    """The lines of the page's table."""
    lines = (ROOT / "docs/situations.md").read_text().splitlines()
    found = [match.groupdict() for match in map(ROW.match, lines) if match]
    assert len(found) == sum(line.startswith("| ") for line in lines) - 1
    return found


def said(test: str) -> str:
    """What a test and its file say of it. Raises StopIteration if it is not there."""
    file, _, name = test.partition("::")
    tree = ast.parse((ROOT / "tests" / file).read_text())
    function = next(it for it in tree.body if isinstance(it, ast.FunctionDef) and it.name == name)
    docs = (ast.get_docstring(it) or "" for it in (tree, function))
    return " ".join(" ".join(docs).split())


def test_each_situation_has_its_test() -> None:
    """By its number, as texts leave out the name of a tool that they have just said."""
    for row in rows():
        test = row["test"].strip().strip("`")
        if test:
            words = said(test)
            for number in re.findall(r"#\d+", row["threads"]):
                assert re.search(rf"{number}\b", words), (row["what"], number)
    assert sum(not row["test"].strip() for row in rows()) == 1


def test_each_thread_that_a_test_names_is_in_the_table() -> None:
    threads = " ".join(row["threads"] for row in rows())
    files = [it for it in (ROOT / "tests").rglob("test_*.py") if it != Path(__file__)]
    named = {
        number for file in files for number in re.findall(r"\b[A-Za-z][\w-]+(#\d{2,})\b", file.read_text())
    }
    assert len(named) > 30
    assert {it for it in named if not re.search(rf"{it}\b", threads)} == set()
