"""The network of a user's own Python file, or of a file of another tool."""

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from flows.base.files import one_line
from flows.base.progress import say
from golden.frontend.files import READERS, is_foreign, read_network
from golden.frontend.foreign import foreign
from golden.spec.errors import LightDealError

OWN_ROOMS = ("golden", "hw", "sim", "flows", "tests")
"""Packages of LightDeal, which a file beside the user's may be named like."""


def load_network(place: str) -> nn.Module:
    """The network of a file of another tool, or the one that "file.py:factory" makes.

    Says what of a file is not in the network. Raises LightDealError as `load_module` and `read_network` do.
    """
    if not is_foreign(place):
        return load_module(place)
    module = read_network(place)
    known = foreign(module)
    for note in known.notes if known is not None else ():
        say(f"NOTE: network {place!r}: {note}")
    return module


def load_module(place: str) -> nn.Module:
    """The network that "file.py:factory" makes.

    While the file is loaded and the factory works, the file's own folder comes first among the places of
    imports, as for a script. Modules from there are forgotten afterwards, so that two networks may have
    neighbours of one name. What the file prints goes to standard error.

    Raises LightDealError if the file, the factory or what it returns is not what it should be; what goes
    wrong inside the user's files is said with file and line.
    """
    file, colon, factory = place.rpartition(":")
    if not colon or not factory.isidentifier():
        raise LightDealError(
            f"network {place!r}: expected FILE.py:FACTORY, or a file that ends in {', '.join(READERS)}"
        )
    path = Path(file)
    if not path.is_file():
        raise LightDealError(f"network {place!r}: no file {file!r}")
    path = path.resolve()
    # A name of its own: the file may be called like any other module.
    name = f"{path.stem}_{sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise LightDealError(f"network {place!r}: {file!r} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # Classes of the module must be found by name when they are pickled.
    sys.modules[name] = module
    with neighbours(path.parent), redirect_stdout(sys.stderr):
        _guarded(place, path, lambda: spec.loader.exec_module(module))  # type: ignore[union-attr]
        make = _factory(place, module, factory)
        network = _guarded(place, path, make)
    if isinstance(network, type):
        raise LightDealError(
            f"network {place!r}: {factory} returned the class {network.__name__}; "
            f"expected an instance, such as {network.__name__}()"
        )
    if not isinstance(network, nn.Module):
        raise LightDealError(
            f"network {place!r}: {factory} returned {type(network).__name__}; expected a torch.nn.Module"
        )
    return network


@contextmanager
def neighbours(folder: Path) -> Iterator[None]:
    """Modules of a folder can be imported inside the block; after it, all is as it was."""
    hidden = {
        name: sys.modules.pop(name)
        for name in list(sys.modules)
        if (top := name.partition(".")[0]) in OWN_ROOMS
        and _is_in(folder, top)
        and not _came_from(folder, name)
    }
    before = {name.partition(".")[0] for name in sys.modules}
    path, writes = list(sys.path), sys.dont_write_bytecode
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True  # nothing is left in the user's folder
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:], sys.dont_write_bytecode = path, writes
        tops = {name.partition(".")[0] for name in sys.modules} - before
        own = {top for top in tops if _came_from(folder, top)}
        for name in [name for name in sys.modules if name.partition(".")[0] in own]:
            del sys.modules[name]
        sys.modules.update(hidden)


def _is_in(folder: Path, name: str) -> bool:
    return (folder / f"{name}.py").is_file() or (folder / name).is_dir()


def _came_from(folder: Path, name: str) -> bool:
    """A module was found in the folder, not in one of the folders below it."""
    spec = getattr(sys.modules.get(name.partition(".")[0]), "__spec__", None)
    places = [] if spec is None else list(spec.submodule_search_locations or ()) or [spec.origin]
    return any(place and Path(place).parent == folder for place in places)


def _factory(place: str, module: ModuleType, name: str) -> Callable[[], Any]:
    """What makes the network; can be called with nothing."""
    if not hasattr(module, name):
        made = [
            key
            for key, value in vars(module).items()
            if callable(value) and getattr(value, "__module__", None) == module.__name__
        ]
        raise LightDealError(
            f"network {place!r}: nothing is called {name}; the file has {', '.join(made) or 'no functions'}"
        )
    found = getattr(module, name)
    if isinstance(found, nn.Module):
        raise LightDealError(
            f"network {place!r}: {name} is a {type(found).__name__}; expected a function that returns one"
        )
    if not callable(found):
        raise LightDealError(f"network {place!r}: {name} is a {type(found).__name__}; expected a function")
    if inspect.iscoroutinefunction(found):
        raise LightDealError(f"network {place!r}: {name} is asynchronous; expected a plain function")
    try:
        inspect.signature(found).bind()
    except TypeError as error:
        raise LightDealError(
            f"network {place!r}: {name}{inspect.signature(found)} does not work without arguments ({error}); "
            "expected a function that takes none"
        ) from error
    except ValueError:
        pass  # one that does not say what it takes
    return found


def _guarded(place: str, path: Path, call: Callable[[], Any]) -> Any:
    """The result of user's code; what it raises becomes one line that names its file and line."""
    try:
        return call()
    except (Exception, SystemExit) as error:
        if isinstance(error, SystemExit):
            said = f"it ends the program: {type(error).__name__}({error.code!r})"
        else:
            said = f"{type(error).__name__}: {one_line(error)}"
        raise LightDealError(f"network {place!r}: {_where(error, path)}{said}") from error


def _where(error: BaseException, path: Path) -> str:
    """ "FILE:LINE: " of the user's code that was last at work."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}: "
    folder = path.parent
    lines = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if folder in Path(frame.filename).parents
        if "site-packages" not in frame.filename and frame.filename != __file__
    ]
    return f"{lines[-1].filename}:{lines[-1].lineno}: " if lines else ""
