"""A user's own network file: what it may import, and what is said of every way in which it can be wrong."""

import pickle
import re
import sys
from pathlib import Path

import pytest
from torch import nn

import golden
from flows.user.own_module import load_module
from golden.spec.errors import LightDealError


def write(folder: Path, **files: str) -> Path:
    """Python files in a folder; the folder."""
    for name, text in files.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


NETWORK = "from torch import nn\nfrom helper import SIZE\ndef factory():\n    return nn.Linear(SIZE, 1)\n"


def test_a_neighbour_is_imported_and_two_of_one_name_do_not_mix(tmp_path: Path) -> None:
    one = write(tmp_path / "one", net=NETWORK, helper="SIZE = 3\n")
    two = write(
        tmp_path / "two",
        net=NETWORK,
        helper="from deeper.sizes import SIZE\n",
        **{"deeper/sizes": "SIZE = 5\n"},
    )
    path, modules = list(sys.path), set(sys.modules)
    for folder, size in ((one, 3), (two, 5), (one, 3)):
        network = load_module(f"{folder}/net.py:factory")
        assert isinstance(network, nn.Linear)
        assert network.in_features == size
    assert sys.path == path
    left = {name for name in set(sys.modules) - modules if not name.startswith("torch")}
    assert len(left) == 2
    assert all(re.fullmatch(r"net_[0-9a-f]{8}", name) for name in left)
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_path_is_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a b", net=NETWORK, helper="SIZE = 3\n")
    write(tmp_path / "c", empty="")
    monkeypatch.chdir(tmp_path / "c")
    assert isinstance(load_module("../a b/net.py:factory"), nn.Linear)
    monkeypatch.chdir(tmp_path / "a b")
    assert isinstance(load_module("net.py:factory"), nn.Linear)


def test_a_neighbour_may_have_the_name_of_a_room_of_this_project(tmp_path: Path) -> None:
    text = NETWORK.replace("from helper", "from golden").replace(
        "return", "import golden.numbers\n    return"
    )
    write(tmp_path, net=text, **{"golden/__init__": "SIZE = 7\n", "golden/numbers": ""})
    network = load_module(f"{tmp_path}/net.py:factory")
    assert network.in_features == 7
    assert sys.modules["golden"] is golden
    assert "golden.numbers" not in sys.modules
    assert "golden.spec.errors" in sys.modules


def test_a_file_in_the_checkout_sees_the_project_itself(repository: Path) -> None:
    """Not a second copy of it, whose classes would be others."""
    path = repository / "net_of_a_test.py"
    try:
        path.write_text(
            "from golden.spec.errors import LightDealError\nfrom torch import nn\n"
            "class Net(nn.Linear):\n    error = LightDealError\n"
            "def factory():\n    return Net(1, 1)\n"
        )
        assert load_module(f"{path}:factory").error is LightDealError
    finally:
        path.unlink()


@pytest.mark.parametrize("name", ["json", "torch", "golden", "numbers"])
def test_the_file_itself_may_be_named_like_any_module(name: str, tmp_path: Path) -> None:
    before = sys.modules.get(name)
    text = "from torch.nn import Linear\nclass Net(Linear): ...\ndef factory(): return Net(2, 1)\n"
    write(tmp_path, **{name: text})
    network = load_module(f"{tmp_path}/{name}.py:factory")
    assert isinstance(network, nn.Linear)
    assert sys.modules.get(name) is before
    assert pickle.loads(pickle.dumps(network)).weight.equal(network.weight)


def test_a_class_makes_an_instance_of_itself(tmp_path: Path) -> None:
    write(
        tmp_path,
        net="from torch import nn\nclass Net(nn.Linear):\n    def __init__(self): super().__init__(2, 1)\n",
    )
    assert load_module(f"{tmp_path}/net.py:Net").in_features == 2


def test_what_it_prints_does_not_mix_with_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        tmp_path,
        net="from torch import nn\nprint('loading')\ndef factory():\n  print('making')\n  return nn.ReLU()",
    )
    load_module(f"{tmp_path}/net.py:factory")
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "loading\nmaking\n"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"net": "def factory(): pass"}, "factory returned NoneType; expected a torch.nn.Module"),
        ({"net": "def factory():\n    return 1 / 0"}, "FOLDER/net.py:2: ZeroDivisionError: division by zero"),
        ({"net": "x = 1\nx.y"}, "FOLDER/net.py:2: AttributeError: 'int' object has no attribute 'y'"),
        (
            {
                "net": "from helper import f\ndef factory(): return f()",
                "helper": "def f():\n\n    return {}['a']",
            },
            "FOLDER/helper.py:3: KeyError: 'a'",
        ),
        ({"net": "from helper import f\n"}, "FOLDER/net.py:1: ModuleNotFoundError: No module named 'helper'"),
        (
            {"net": "import torch\ndef factory():\n    return torch.zeros(2) @ torch.zeros(3)"},
            "FOLDER/net.py:3: RuntimeError: inconsistent tensor size",
        ),
        ({"net": "def factory(:\n"}, "FOLDER/net.py:1: SyntaxError: "),
        ({"net": "import helper", "helper": "\n\n1 +\n"}, "FOLDER/helper.py:3: SyntaxError: "),
        ({"net": "x = '\0'"}, "SyntaxError: source code"),
        (
            {"net": "import sys\ndef factory():\n    sys.exit(0)"},
            "FOLDER/net.py:3: it ends the program: SystemExit(0)",
        ),
        (
            {"net": "import sys\nsys.exit('no data')"},
            "FOLDER/net.py:2: it ends the program: SystemExit('no data')",
        ),
        ({"net": "def factory():\n    raise ValueError('one\\ntwo')"}, "net.py:2: ValueError: one two"),
        (
            {"net": "def factory(width, depth=2): ..."},
            "factory(width, depth=2) does not work without arguments (missing a required argument: 'width'); "
            "expected a function that takes none",
        ),
        (
            {"net": "from torch import nn\ndef factory(): return nn.ReLU"},
            "factory returned the class ReLU; expected an instance, such as ReLU()",
        ),
        (
            {"net": "from torch import nn\nfactory = nn.ReLU()"},
            "factory is a ReLU; expected a function that returns one",
        ),
        ({"net": "factory = 7"}, "factory is a int; expected a function"),
        ({"net": "def make(): ...\nclass Net: ..."}, "nothing is called factory; the file has make, Net"),
        ({"net": "import torch\n"}, "nothing is called factory; the file has no functions"),
        ({"net": "async def factory(): ..."}, "factory is asynchronous; expected a plain function"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(
    files: dict[str, str], words: str, tmp_path: Path
) -> None:
    write(tmp_path, **files)
    place = f"{tmp_path}/net.py:factory"
    before = list(sys.path)
    with pytest.raises(LightDealError, match=r"^network ") as caught:
        load_module(place)
    text = str(caught.value)
    assert text.startswith(f"network {place!r}: ")
    assert words.replace("FOLDER", str(tmp_path)) in text
    assert "\n" not in text
    assert sys.path == before
    assert "helper" not in sys.modules


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("net.py", "expected FILE.py:FACTORY"),
        ("net.py:", "expected FILE.py:FACTORY"),
        ("net.py:a b", "expected FILE.py:FACTORY"),
        ("net.txt:f", "'net.txt' is not a Python file"),
        (".:f", "no file '.'"),
        ("none.py:f", "no file 'none.py'"),
    ],
)
def test_a_place_that_is_none(
    place: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.txt").write_text("")
    with pytest.raises(LightDealError, match=re.escape(f"network {place!r}: {words}")):
        load_module(place)


def test_an_interrupt_is_no_fault_of_the_file(tmp_path: Path) -> None:
    write(tmp_path, net="def factory():\n    raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_module(f"{tmp_path}/net.py:factory")
