"""Configurations: every refusal names field, value and legal set; the digest follows the sizes."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

from golden.spec import arithmetics
from golden.spec.config import DEFAULT, PRESETS, SMALL, TABLES, TINY, Config, ConfigError, load_config


def test_presets_have_the_stated_shift_adders() -> None:
    assert {name: config.adders for name, config in PRESETS.items()} == {
        "tiny": 8,
        "small": 64,
        "default": 256,
        "small-learning": 64,
    }


@pytest.mark.parametrize(
    ("field", "value", "legal"),
    [
        ("engines", 0, "1…64"),
        ("engines", 65, "1…64"),
        ("lanes", 12, r"one of \[2, 4, 8, 16, 32, 64\]"),
        ("accumulators", 32, r"one of \[4, 8, 16\]"),
        ("basis", 8, r"one of \[1, 2, 4\]"),
        ("accumulator_bits", 33, "16…32"),
        ("window", 4, r"one of \[8, 16, 32, 64\]"),
        ("feature_words", 1000, "a power of two in 4…65536"),
        ("tap_words", 131072, "a power of two in 4…65536"),
        ("instructions", 2, "a power of two in 4…65536"),
        ("lanes", "16", "an integer"),
        ("engines", True, "an integer"),
        ("learning", 1, "true or false"),
        ("gates", 1, "true or false"),
        ("largest", 0, "true or false"),
        ("moves", "no", "true or false"),
        ("arithmetic", "int4", r"one of \['shift_add', 'int8', 'rows_int8', 'rebuild'\]"),
    ],
)
def test_refusals(field: str, value: object, legal: str) -> None:
    with pytest.raises(ConfigError, match=rf"^config field '{field}' = {value!r}; legal: {legal}$"):
        replace(TINY, **{field: value})  # type: ignore[arg-type]


def test_what_a_configuration_that_learns_demands() -> None:
    message = "^config field 'basis' = 2; legal: a multiple of 4 in a configuration that learns$"
    with pytest.raises(ConfigError, match=message):
        replace(SMALL, basis=2, learning=True)
    message = "^config field 'arithmetic' = 'int8'; legal: shift_add in a configuration that learns$"
    with pytest.raises(ConfigError, match=message):
        replace(SMALL, arithmetic="int8", learning=True)
    assert replace(SMALL, learning=True).learning


def test_a_config_error_is_a_value_error() -> None:
    assert issubclass(ConfigError, ValueError)


def test_digest_follows_the_sizes_and_not_the_name() -> None:
    assert replace(SMALL, name="other").digest == SMALL.digest
    others = [replace(SMALL, arithmetic=arithmetic) for arithmetic in arithmetics.names()]
    digests = {config.digest for config in (TINY, DEFAULT, replace(SMALL, window=32), *others)}
    assert len(digests) == 7
    assert others[0].digest == SMALL.digest
    assert replace(SMALL, learning=True).digest not in digests
    assert all(0 <= digest < 1 << 32 for digest in digests)


def test_the_digest_follows_every_size() -> None:
    """Hardware of another size must not take the program, whichever size it is."""
    sizes = [field.name for field in fields(Config) if field.type is int]
    learning = replace(SMALL, learning=True)
    other = {name: 2 * getattr(SMALL, name) for name in sizes} | {"accumulator_bits": 23, "basis": 8}
    # Tables are there only where nothing learns.
    del other["tables"]
    digests = {replace(learning, **{name: value}).digest for name, value in other.items()}
    assert len(digests | {learning.digest}) == len(other) + 1
    assert len({replace(SMALL, tables=count).digest for count in TABLES}) == len(TABLES)


def test_the_digest_follows_what_is_left_out_and_what_is_added() -> None:
    changes: list[dict[str, bool]] = [{"largest": False}, {"moves": False}, {"gates": True}]
    digests = {replace(SMALL, **it).digest for it in changes}  # type: ignore[arg-type]
    assert len(digests | {SMALL.digest}) == 4
    assert replace(SMALL, largest=True, moves=True, gates=False).digest == SMALL.digest


def test_the_digest_ignores_sizes_of_what_is_not_there() -> None:
    assert replace(SMALL, controller_words=8192).digest == SMALL.digest


def test_load_by_name_and_from_a_file(tmp_path: Path) -> None:
    assert load_config("small") is SMALL
    path = tmp_path / "mine.toml"
    path.write_text("engines = 3\nlanes = 8\nbasis = 4\n")
    assert load_config(str(path)) == Config("mine", 3, 8, basis=4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("engines = ", "mine.toml: not TOML: "),
        ("engines = 2\nlanes = 4\nbasis = 2\nspeed = 1\n", "unknown field 'speed'; legal: "),
        ("engines = 2\n", "field 'lanes' is missing"),
        ("engines = 2\nlanes = 5\n", "mine.toml: config field 'lanes' = 5; legal: one of"),
        ("\xff\xfe", "mine.toml: not TOML: byte 0 is no UTF-8"),
        ("engines = " + "[" * 100_000, "mine.toml: not TOML: "),
        ("engines = 1979-13-45\nlanes = 4\n", "mine.toml: not TOML: "),
        ("engines = 1.5\nlanes = 4\n", "config field 'engines' = 1.5; legal: an integer"),
        ("engines = true\nlanes = 4\n", "config field 'engines' = True; legal: an integer"),
        ("engines = nan\nlanes = 4\n", "config field 'engines' = nan; legal: an integer"),
        (
            f"engines = 0x{'f' * 9999}\nlanes = 4\n",
            "'engines' = a number of thousands of digits; legal: 1…64",
        ),
        (f"engines = '{'x' * 999}'\nlanes = 4\n", f"'engines' = '{'x' * 78}…; legal: an integer"),
        ("name = 7\nengines = 1\nlanes = 4\n", "'name' = 7; legal: 1…100 printable characters, no /"),
        ("name = '../x'\nengines = 1\nlanes = 4\n", "'name' = '../x'; legal: 1…100 printable characters"),
        ("name = ''\nengines = 1\nlanes = 4\n", "'name' = ''; legal: 1…100 printable characters, no /"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError) as error:
        load_config(str(path))
    assert message in str(error.value)


def test_unknown_name() -> None:
    with pytest.raises(
        ConfigError,
        match=r"^configuration 'huge' is neither a preset \(tiny, small, .*learning\) nor a \.toml file",
    ):
        load_config("huge")
