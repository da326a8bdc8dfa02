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
        self._kept: list[Any] = []  # the options of a call refer to an adapter, but do not hold it

    @property
    def names(self) -> tuple[str, ...]:
        """What can be switched on."""
        return tuple(self._files)

    def options(self, adapter: str | Path | None) -> Any:  # noqa: ANN401 - not typed
        """Return the options of a call with an adapter of this name or file; None for none.

        Raises:
            RunError: There is no such adapter.
            ExportError: Its file cannot be read.
        """
        if adapter is None or isinstance(adapter, Path):
            return adapter and self._options_with(adapter)
        if adapter not in self._files:
            raise _unknown(adapter, self._folder, self.names)
        if adapter not in self._opened:  # two threads may both open it; one of the two stays
            self._opened.setdefault(
                adapter, self._options_with(self._folder / self._files[adapter])
            )
        return self._opened[adapter]

    def _options_with(self, file: Path) -> Any:  # noqa: ANN401 - onnxruntime is not typed
        import onnxruntime

        adapter, options = onnxruntime.LoraAdapter(), onnxruntime.RunOptions()
        try:
            adapter.Load(str(file))
        except Exception as error:
            hint = "Delete the file and optimise with this adapter again."
            raise ExportError(
                f"ONNX Runtime cannot open the adapter {file}: {error}", hint
            ) from error
        options.add_active_adapter(adapter)
        self._kept.append(adapter)
        return options


def _unknown(name: str, folder: Path, names: tuple[str, ...]) -> RunError:
    if not names:
        hint = "Export the base with it: %optimize BASE --adapters RUN."
        return RunError(f"The model in {folder} has no adapters; got {name!r}.", hint)
    known = f"There are {listed(names, 'and')}."
    closest = near(name, names, "")
    hint = f"{closest} {known}".strip()
    return RunError(f"The model in {folder} has no adapter {name!r}.", hint)
