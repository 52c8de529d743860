"""Sphinx's settings: MyST pages, and docstrings as `flows.site.docstrings` makes them."""

import sys
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from flows.site.docstrings import restructured

project = "LightDeal"
author = copyright = "LightDeal contributors"
version = release = installed("lightdeal")
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["results/**"]
html_theme = "furo"
html_title = "LightDeal"
html_show_sphinx = False
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90


def _docstring(_app: Any, _what: str, _name: str, _thing: Any, _options: Any, lines: list[str]) -> None:
    lines[:] = restructured(lines)


def setup(app: Any) -> None:
    """What Sphinx calls."""
    app.connect("autodoc-process-docstring", _docstring)
