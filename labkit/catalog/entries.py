"""What can be named in a spec: the models and data sets of `catalog.toml`, as plain values."""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from .kinds import DataEntry, ModelEntry
from .sources import HubSource, PackageSource, PinnedFile, RowsFile, RowsSource, Wheel

__all__ = ["DataEntry", "ModelEntry", "data_entry", "data_sets", "model_entry", "models"]


@cache
def models() -> tuple[ModelEntry, ...]:
    """Return every model of the catalogue, the default first."""
    return tuple(_model(name, values) for name, values in _catalogue()["models"].items())


@cache
def data_sets() -> tuple[DataEntry, ...]:
    """Return every data set of the catalogue."""
    return tuple(_data(name, values) for name, values in _catalogue()["data"].items())


def model_entry(name: str) -> ModelEntry | None:
    """Return the model called `name`, or None."""
    return next((entry for entry in models() if entry.name == name), None)


def data_entry(name: str) -> DataEntry | None:
    """Return the data set called `name`, or None."""
    return next((entry for entry in data_sets() if entry.name == name), None)


@cache
def _catalogue() -> dict[str, Any]:
    return tomllib.loads((files(__package__) / "catalog.toml").read_text(encoding="utf-8"))


def _model(name: str, values: Mapping[str, Any]) -> ModelEntry:
    sources = {"hub": _hub(values.get("hub")), "package": _package(values.get("package"))}
    return ModelEntry(name=name, **{**values, **sources})


def _hub(values: Mapping[str, Any] | None) -> HubSource | None:
    if values is None:
        return None
    return HubSource(values["id"], values["revision"], _pinned(values["files"]))


def _package(values: Mapping[str, Any] | None) -> PackageSource | None:
    if values is None:
        return None
    wheels = tuple(_wheel(wheel) for wheel in values["wheels"])
    return PackageSource(values["version"], _pinned(values["files"]), wheels)


def _pinned(files: Sequence[Mapping[str, Any]]) -> tuple[PinnedFile, ...]:
    return tuple(PinnedFile(**file) for file in files)


def _wheel(values: Mapping[str, Any]) -> Wheel:
    return Wheel(**{**values, "members": tuple(values["members"])})


def _rows(values: Mapping[str, Any] | None) -> RowsSource | None:
    if values is None:
        return None
    splits = {split: RowsFile(**file) for split, file in values["splits"].items()}
    return RowsSource(_wheel(values["wheel"]), values["maker"], splits)


def _data(name: str, values: Mapping[str, Any]) -> DataEntry:
    changed = {
        "text_template": values["text_template"].strip("\n"),
        "columns": tuple(values["columns"]),
        "package": _rows(values.get("package")),
    }
    return DataEntry(name=name, **{**values, **changed})
