"""What can be named in a spec: the models and data sets of `catalog.toml`, as plain values."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from .sources import HubSource, PackageSource, PinnedFile, Wheel


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """A causal language model that can be named."""

    name: str
    """The name in a spec."""

    title: str
    """The model's own name."""

    purpose: str
    """What it is for, in one phrase."""

    parameters: int
    """Number of weights; a tied embedding counts once."""

    licence: str
    """Licence of the weights."""

    licence_url: str
    """Where the licence can be read."""

    made_by: str
    """Who made it and where it is published."""

    disk_bytes: int
    """Size of the folder in the cache, in bytes."""

    memory_bytes: int
    """Peak memory of the conversion's process, in bytes, measured."""

    terms_url: str | None = None
    """Terms that must be accepted before the first fetch; None where there are none."""

    hub: HubSource | None = None
    """Where a hub has it."""

    package: PackageSource | None = None
    """Where the package index has it."""

    tokenizer: Mapping[str, Any] = field(default_factory=dict)
    """What the tokenizer must be after conversion: special tokens, longest input (tokens)."""

    config: Mapping[str, Any] = field(default_factory=dict)
    """Configuration values that the source states inexactly."""


@dataclass(frozen=True, kw_only=True)
class DataEntry:
    """A data set that can be named."""

    name: str
    """The name in a spec."""

    title: str
    """What it is called in text."""

    purpose: str
    """What it is for, in one phrase."""

    task: str
    """What is learned: `classification`, `generation`, `extraction` or `summarisation`."""

    licence: str
    """Licence of the rows."""

    licence_url: str
    """Where the licence can be read."""

    made_by: str
    """Who made it and where it is published."""

    columns: tuple[str, ...]
    """Columns of every row."""

    text_template: str
    """How a row reads; the text after the last fixed marker is the completion."""

    files: Mapping[str, str]
    """Split (train, validation, test) to its file inside the package labkit."""

    @property
    def source(self) -> str:
        """Where the rows come from, as the table says it."""
        return "labkit"

    def path(self, split: str) -> Path:
        """Return the JSON Lines file of `split`."""
        return Path(str(files("labkit"))) / self.files[split]


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
    pinned = tuple(PinnedFile(**file) for file in values["files"])
    return HubSource(values["id"], values["revision"], pinned)


def _package(values: Mapping[str, Any] | None) -> PackageSource | None:
    if values is None:
        return None
    wheels = tuple(Wheel(**wheel) for wheel in values["wheels"])
    return PackageSource(values["version"], PinnedFile(**values["file"]), wheels)


def _data(name: str, values: Mapping[str, Any]) -> DataEntry:
    template = values["text_template"].strip("\n")
    columns = tuple(values["columns"])
    return DataEntry(name=name, **{**values, "text_template": template, "columns": columns})
