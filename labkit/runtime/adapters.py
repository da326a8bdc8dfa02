"""Adapters beside an exported base model: opened once, switched on call by call."""

from pathlib import Path
from typing import Any

from ..errors import ExportError, RunError, listed, near
from .folder import section


class Shelf:
    """The adapters of a model's folder; all views of a session share one.

    Args:
        folder: Holds `labkit.json`, whose section `adapters` names a file for each.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, str] = {
            name: facts["file"] for name, facts in section(folder, "adapters").items()
        }
        self._opened: dict[str, Any] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """What can be switched on."""
        return tuple(self._files)

    def options(self, name: str) -> Any:  # noqa: ANN401 - onnxruntime is not typed
        """Return the options of a call with this adapter.

        Raises:
            RunError: There is no such adapter.
            ExportError: Its file cannot be read.
        """
        import onnxruntime

        options = onnxruntime.RunOptions()
        options.add_active_adapter(self._open(name))
        return options

    def _open(self, name: str) -> Any:  # noqa: ANN401 - onnxruntime is not typed
        if name not in self._files:
            raise _unknown(name, self._folder, self.names)
        if name not in self._opened:  # two threads may both open it; one of the two stays
            self._opened.setdefault(name, _load(self._folder / self._files[name]))
        return self._opened[name]


def _load(file: Path) -> Any:  # noqa: ANN401 - onnxruntime is not typed
    import onnxruntime

    adapter = onnxruntime.LoraAdapter()
    try:
        adapter.Load(str(file))
    except Exception as error:
        hint = "Delete the file and optimise with this adapter again."
        raise ExportError(f"ONNX Runtime cannot open the adapter {file}: {error}", hint) from error
    return adapter


def _unknown(name: str, folder: Path, names: tuple[str, ...]) -> RunError:
    if not names:
        hint = "Export the base with it: %optimize BASE --adapters RUN."
        return RunError(f"The model in {folder} has no adapters; got {name!r}.", hint)
    known = f"There are {listed(names, 'and')}."
    closest = near(name, names, "")
    hint = f"{closest} {known}".strip()
    return RunError(f"The model in {folder} has no adapter {name!r}.", hint)
