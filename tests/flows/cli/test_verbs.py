"""The verbs: what each of them calls is in its own room and takes its options."""

from dataclasses import fields, is_dataclass
from inspect import signature
from typing import get_type_hints

import pytest

from flows.base.verb import WORDS, Said, Verb
from flows.cli.verbs import VERBS


@pytest.mark.parametrize("verb", VERBS.values(), ids=list(VERBS))
def test_a_verb_is_in_one_room(verb: Verb) -> None:
    room = verb.options.__module__.removesuffix(".commands")
    assert verb.work.startswith(f"{room}.")
    hints = get_type_hints(verb.function())
    first, *others = signature(verb.function()).parameters.values()
    assert hints[first.name] is verb.options
    assert all(it.default is not it.empty for it in others)
    assert hints["return"] in (str, tuple[str, bool], Said)


@pytest.mark.parametrize("verb", VERBS.values(), ids=list(VERBS))
def test_every_option_has_its_help_and_every_help_its_option(verb: Verb) -> None:
    assert is_dataclass(verb.options)
    options = {field.name for field in fields(verb.options)}
    assert all(verb.said(option) for option in options)
    assert set(verb.words) <= options


def test_help_of_several_verbs_is_said_once() -> None:
    """What `WORDS` has is used, and no verb says it again."""
    used = {field.name for verb in VERBS.values() for field in fields(verb.options)}
    assert set(WORDS) <= used
    assert not [(verb.name, word) for verb in VERBS.values() for word in verb.words if word in WORDS]
