"""What is installed, what is missing for which verb, and how to get it."""

import platform
from importlib.metadata import version

from flows.base.needs import NEEDS
from flows.base.verb import Said
from flows.cli.commands import Doctor

REQUIRED = "all"


def doctor(_: Doctor) -> Said:
    """Every need with its version, then how to get what is missing; not well if nothing at all can run."""
    found = [(need, need.found()) for need in NEEDS]
    missing = [need for need, said in found if said is None]
    lines = [
        f"LightDeal {version('lightdeal')}, Python {platform.python_version()}, {platform.platform()}",
        "",
    ]
    lines += [f"{need.name:<32} {said or 'MISSING'}  ({need.why})" for need, said in found]
    lines.append("")
    lines += [
        f"{need.name} is missing for {', '.join(need.verbs)}: install it with {need.get}" for need in missing
    ]
    if not missing:
        lines.append("nothing is missing")
    values = {
        need.name: {"version": said, "verbs": list(need.verbs), "get": need.get} for need, said in found
    }
    return Said("\n".join(lines), not any(REQUIRED in need.verbs for need in missing), values)
