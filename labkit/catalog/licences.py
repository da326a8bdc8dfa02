"""What a reader should know of a base model before using it: its size and its licence."""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import CatalogError
from . import hub
from .entries import model_entry

OPEN = re.compile(
    r"apache-2\.0|mit|mit-0|isc|bsd(-[\w-]+)?|cc0-1\.0|cc-by(-sa)?-[\d.]+|unlicense|"
    r"mpl-2\.0|[al]?gpl-[\d.]+|wtfpl|zlib|artistic-2\.0|ecl-2\.0|epl-[\d.]+|eupl-[\d.]+"
)
"""Licences whose text is the same everywhere and that allow commercial use."""

FORBIDS_TRADE = re.compile(r"(^|[-_ ])nc([-_ .\d]|$)|non-?_?commercial|research|academic")

HEAD = re.compile(r"\A\ufeff?---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)
"""The YAML head of a model card."""


@dataclass(frozen=True)
class Licence:
    """A licence as a model's maker names it."""

    name: str | None
    """Its name; None where nobody says it."""

    url: str | None = None
    """Where it can be read."""

    @property
    def words(self) -> str:
        """The licence in a sentence."""
        if self.name is None:
            return f"unknown here, see {self.url}" if self.url else "unknown, no card says it"
        return f"{self.name} ({self.url})" if self.url else self.name

    @property
    def warning(self) -> str | None:
        """What to mind; None for an unknown licence and a standard one that allows commerce."""
        names = (self.name or "").lower().replace(" ", "-").split(",-")
        if any(FORBIDS_TRADE.search(name) for name in names):
            return (
                f"The licence {self.name!r} forbids commercial use of this model, and so of what "
                "is tuned from it."
            )
        if self.name is None or all(OPEN.fullmatch(name) for name in names):
            return None
        return f"{self.name!r} is a custom licence, read it: it may limit who uses what is tuned."


def model_notes(name: str, folder: Path | None = None) -> list[str]:
    """Return a sentence on a base model's size and licence, and a warning where there is one.

    Args:
        name: A catalogue name, a folder or a hub id.
        folder: Where the model lies; left out: looked for, but nothing is fetched.
    """
    entry = model_entry(name)
    if entry is not None:
        licence = Licence(entry.licence, entry.licence_url)
        return _notes(entry.title, _size(entry.parameters, entry.disk_bytes), licence)
    page = None if Path(name).expanduser().is_dir() else f"{hub.endpoint()}/{name}"
    folder = folder or (hub.local_folder(name) if page else Path(name).expanduser())
    if folder is None:
        return [f"Base model: {name}, not fetched yet; size and licence are on {page}."]
    weights = _weights(folder)
    size = _size(n_parameters(weights), sum(path.stat().st_size for path in weights))
    licence = licence_in(folder)
    return _notes(name, size, licence if licence.name else Licence(None, page))


def licence_in(folder: Path) -> Licence:
    """Return the licence that the card in a model's folder names (README.md, its YAML head)."""
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    head = HEAD.match(text)
    values = {key: _value(head[1], key) for key in _KEYS} if head else {}
    name = values.get("license")
    if name == "other":
        name = values.get("license_name") or "a licence of its own"
    return Licence(name, values.get("license_link"))


def n_parameters(weights: list[Path]) -> int:
    """Return the number of weights, read from the heads of safetensors files."""
    heads = (_head(path) for path in weights)
    return sum(
        math.prod(tensor["shape"])
        for head in heads
        for name, tensor in head.items()
        if name != "__metadata__"
    )


_KEYS = ("license", "license_name", "license_link")


def _notes(name: str, size: str, licence: Licence) -> list[str]:
    line = f"Base model: {name}, {size}. Licence: {licence.words}."
    return [line, *([licence.warning] if licence.warning else [])]


def _size(parameters: int, n_bytes: int) -> str:
    return f"{parameters / 1e6:,.1f} M parameters, {n_bytes / 1e6:,.0f} MB on disk"


def _weights(folder: Path) -> list[Path]:
    """Return the files of weights; some models bring them a second time in another layout."""
    return sorted(folder.glob("model*.safetensors")) or sorted(folder.glob("*.safetensors"))


def _head(path: Path) -> dict[str, dict[str, list[int]]]:
    """Return what a safetensors file says of its tensors: 8 bytes of length, then JSON."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size:
            raise _broken(path)
        try:
            head: dict[str, dict[str, list[int]]] = json.loads(file.read(length) or b"{}")
        except ValueError as error:
            raise _broken(path) from error
    return head


def _broken(path: Path) -> CatalogError:
    return CatalogError(
        f"{path} is no whole safetensors file: it has {path.stat().st_size:,} bytes.",
        hint="Fetch or copy the model again.",
    )


def _value(head: str, key: str) -> str | None:
    """Return the value of a key of the head; of a list of values, all of them."""
    found = re.search(rf"^{key}:[ \t]*(.*)((?:\n[ \t]*- .*)*)", head, re.MULTILINE)
    if not found:
        return None
    values = [found[1], *(line.strip("- \t") for line in found[2].splitlines())]
    plain = [value.strip(" \t\r\"'[]") for value in values]
    return ", ".join(value for value in plain if value) or None
