"""Docstrings as reStructuredText: docutils reads them without a complaint, and nothing is lost."""

import io

import pytest
from docutils.core import publish_string

from flows.site.docstrings import restructured

DOCSTRING = """Rounds |x| to 2**p_ and `keeps` it.

    an example * of code

Parameters
----------
count, many: of `them`, at
    most 3.  other: |a| * b_.
free text

Raises LightDealError."""


def html(lines: list[str]) -> tuple[str, str]:
    """What docutils makes of it, and what it complains about."""
    said = io.StringIO()
    settings = {"warning_stream": said, "report_level": 1, "embed_stylesheet": False}
    made = publish_string("\n".join(lines), writer="html5", settings_overrides=settings)
    return made.decode(), said.getvalue()


def test_a_docstring_is_read_as_it_is_meant() -> None:
    text, said = html(restructured(DOCSTRING.splitlines()))
    assert said == ""
    assert "Rounds |x| to 2**p_ and " in text
    assert '<span class="docutils literal">keeps</span>' in text
    assert "an example * of code" in text
    rubric = text.index("Parameters</p>")
    items = [part.partition("</li>")[0] for part in text[rubric:].split("<li>")[1:]]
    plain = [" ".join(item.replace("<p>", "").replace("</p>", "").split()) for item in items]
    literal = '<span class="docutils literal">'
    assert plain == [
        f"{literal}count, many</span>: of {literal}them</span>, at most 3.",
        f"{literal}other</span>: |a| * b_.",
        "free text",
    ]
    assert text.index("Raises LightDealError.") > rubric


@pytest.mark.parametrize("bare", ["|x|", "a_", "*x", "*x*", "`a"])
def test_as_it_stands_docutils_would_complain_or_change_it(bare: str) -> None:
    """So the escapes are needed: this is what the test above would see without them."""
    text, said = html([f"of {bare} and"])
    assert said or f"of {bare} and" not in text
    text, said = html(restructured([f"of {bare.replace('`', '')} and"]))
    assert not said
    assert f"of {bare.replace('`', '')} and" in text


def test_bullets_stay_a_list() -> None:
    text, said = html(restructured(["What it does.", "", "* One `a`", "  and more.", "* Two."]))
    assert said == ""
    assert text.count("<li>") == 2
