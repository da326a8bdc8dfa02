"""A function written in a notebook, sent to the worker by value and kept in the run's folder.

It takes along what it uses and what is no package: functions, classes and constants of other cells,
and modules that lie in the working folder.

Reading a function runs code, so only what this user wrote is read: its hash is noted in the user's
own folder, outside of the run's, when it is kept.
"""

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from .errors import RunError, RunFailed, SpecError
from .files import write_text

FILE = "loss.pkl"
"""File in a run's folder that holds the function."""

SOURCE = "loss.py"
"""File in a run's folder that shows the function to people; nothing reads it."""


def pack(function: Any) -> bytes:  # noqa: ANN401 - anything that can be called
    """Return a function with all that it uses.

    Raises:
        SpecError: Something that it uses cannot be sent; it is named.
    """
    import cloudpickle

    with _by_value(cloudpickle):
        try:
            data: bytes = cloudpickle.dumps(function)
        except Exception as error:  # whatever an object's own pickling raises
            path = _unsendable(cloudpickle, name_of(function), function, set())
            raise SpecError(
                f"{', which uses '.join(path)} cannot be sent to the worker: "
                f"{type(error).__name__}: {str(error)[:150]}.",
                hint="Make it inside the function, or hand on plain values instead.",
            ) from error
    return data


def keep(folder: Path, function: Any, data: bytes) -> None:  # noqa: ANN401 - as above
    """Write what `pack` returned into a run's folder, and the function's text beside it."""
    (folder / FILE).write_bytes(data)
    _note(data)
    write_text(folder / SOURCE, _text(function))


def trust(folder: Path) -> None:
    """Let the function of a run's folder be read, though somebody else may have written it."""
    if (folder / FILE).is_file():
        _note((folder / FILE).read_bytes())


def check(folder: Path) -> None:
    """Refuse the function of a run's folder that this user did not write; none is right.

    Raises:
        RunFailed: It was written by somebody else, or on another machine.
    """
    if (folder / FILE).is_file():
        _check(folder, (folder / FILE).read_bytes())


def load(folder: Path) -> Any:  # noqa: ANN401 - what was packed
    """Return the function that a run's folder holds.

    Raises:
        RunFailed: There is none, this user did not write it, or it does not fit this Python.
    """
    import pickle

    try:
        data = (folder / FILE).read_bytes()
        _check(folder, data)
        return pickle.loads(data)
    except RunFailed:
        raise
    except Exception as error:  # unpickling runs what was packed
        raise RunFailed(
            f"The run's own function in {folder / FILE} cannot be read: "
            f"{type(error).__name__}: {error}.",
            hint="Start the run anew with the function, in the Python that it was written for.",
        ) from error


def _check(folder: Path, data: bytes) -> None:
    if not _noted(data).is_file():
        raise RunFailed(
            f"{folder / FILE} was not written here by you, and reading it runs the code in it; "
            "it was not read.",
            hint=f"Read {SOURCE} beside it, which may say otherwise than the code; if you trust "
            "who gave you the folder, resume with --trust-remote-code.",
        )


def _note(data: bytes) -> None:
    file = _noted(data)
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch()
    except OSError as error:
        raise RunError(
            f"The folder {file.parent}, where it is noted that you wrote the function, cannot be "
            f"written: {error.strerror}.",
            hint="Set XDG_STATE_HOME to a folder that you may write to.",
        ) from error


def _noted(data: bytes) -> Path:
    """Return the file that says by its name that this user wrote, or trusts, a function."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "labkit" / "functions" / hashlib.sha256(data).hexdigest()


def name_of(function: Any) -> str:  # noqa: ANN401 - as above
    """Return a function's name; of an object that can be called, that of its class."""
    return str(getattr(function, "__name__", type(function).__name__))


@contextmanager
def _by_value(cloudpickle: Any) -> Iterator[None]:  # noqa: ANN401 - the module
    """Let modules of the working folder go by value: the worker need not find them."""
    here = Path.cwd().resolve()
    found = {module.__name__: module for module in _modules() if _is_own(module, here)}
    own = list(found.values())  # os.path is posixpath as well
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)


def _modules() -> list[ModuleType]:
    return [module for module in list(sys.modules.values()) if isinstance(module, ModuleType)]


def _is_own(module: ModuleType, here: Path) -> bool:
    """Tell whether a module lies in the folder `here` and belongs to nothing installed."""
    file = getattr(module, "__file__", None)
    first = module.__name__.split(".")[0]
    if not isinstance(file, str) or first in {"__main__", "labkit", *sys.stdlib_module_names}:
        return False
    installed = {"site-packages", "dist-packages"} & set(Path(file).parts)
    return here in Path(file).resolve().parents and not installed


def _unsendable(cloudpickle: Any, name: str, value: Any, seen: set[int]) -> list[str]:  # noqa: ANN401
    """Return the names from a value to what in it cannot be sent."""
    seen.add(id(value))
    for part, used in _used_by(value).items():
        if id(used) not in seen and not _goes(cloudpickle, used):
            return [name, *_unsendable(cloudpickle, part, used, seen)]
    return [name if isinstance(value, FunctionType | type) else f"{name} ({_kind(value)})"]


def _kind(value: Any) -> str:  # noqa: ANN401 - anything
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _goes(cloudpickle: Any, value: Any) -> bool:  # noqa: ANN401 - anything
    try:
        cloudpickle.dumps(value)
    except Exception:  # noqa: BLE001 - whatever an object's own pickling raises
        return False
    return True


def _used_by(value: Any) -> dict[str, Any]:  # noqa: ANN401 - anything
    """Return by name what a function, a class or an object refers to."""
    if isinstance(value, FunctionType):
        held = zip(value.__code__.co_freevars, value.__closure__ or (), strict=True)
        cells = {name: cell.cell_contents for name, cell in held}
        known = value.__globals__
        return cells | {name: known[name] for name in _names(value.__code__) if name in known}
    if isinstance(value, type):
        return {name: part for name, part in vars(value).items() if isinstance(part, FunctionType)}
    return {} if isinstance(value, ModuleType) else dict(getattr(value, "__dict__", {}))


def _names(code: CodeType) -> list[str]:
    """Return the global names that code uses, in the functions inside it as well."""
    inner = [part for part in code.co_consts if isinstance(part, CodeType)]
    return [*code.co_names, *(name for part in inner for name in _names(part))]


def _text(function: Any) -> str:  # noqa: ANN401 - as above
    import inspect

    try:
        shown = function if hasattr(function, "__name__") else type(function)
        return inspect.getsource(shown)
    except (OSError, TypeError):
        return f"# The text of {name_of(function)} is not known; {FILE} holds it.\n"
