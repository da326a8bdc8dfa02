"""What earlier climbs left in a run's folder, and whether it still holds."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import read_json
from ..spec.optimize import PRECISIONS

FILE = "optimize.json"
"""Beside each exported model: the ladder as it was measured, and what it was made from."""

RUNGS = ("base", "adapter", "merged", *PRECISIONS)
"""From the model as it was to the smallest."""

WEIGHTS = ("adapter_config.json", "config.json", "*.safetensors")


@dataclass(frozen=True)
class Prints:
    """Fingerprints: equal ones mean that nothing needs to be made again."""

    weights: str
    """Of the tuned weights."""

    rows: str
    """Of the rows that were compared and scored, and of the target."""

    int4: str
    """Of the settings that shape int4 weights alone."""

    def of(self, name: str) -> str:
        """Return the fingerprint of a rung."""
        parts = [self.weights, self.rows] + ([self.int4] if name == "int4" else [])
        return "-".join(parts)

    @property
    def all(self) -> str:
        """The fingerprint of everything that may lie in the work folder."""
        return self.of("int4")


def weights_print(folder: Path) -> str:
    """Return the fingerprint of what a run learned, or of a whole model."""
    found = hashlib.blake2b(digest_size=8)
    for path in sorted(path for pattern in WEIGHTS for path in folder.glob(pattern)):
        found.update(path.name.encode())
        with path.open("rb") as file:
            while block := file.read(2**20):
                found.update(block)
    return found.hexdigest()


def values_print(*values: Any) -> str:  # noqa: ANN401 - JSON values
    """Return the fingerprint of plain values."""
    return hashlib.blake2b(json.dumps(values).encode(), digest_size=8).hexdigest()


def facts(folder: Path) -> dict[str, Any]:
    """Return what a climb wrote beside a model; empty where there is no such model."""
    return read_json(folder / FILE)


def kept_folders(out: Path, prints: Prints) -> dict[str, Path]:
    """Return the folders of earlier climbs that hold the same weights, by their precision."""
    folders = {name: out / name for name in PRECISIONS}
    return {
        name: folder
        for name, folder in folders.items()
        if facts(folder).get("fingerprint") == prints.of(name)
    }


def last_climb(out: Path, prints: Prints, there: Mapping[str, Path]) -> dict[str, Any]:
    """Return what earlier climbs found of the same weights and rows.

    Args:
        out: The export's folder.
        prints: What rungs must have been made from.
        there: Of `kept_folders`; what lies beside these models counts where the last climb was
            killed before it told.
    """
    found: dict[str, Any] = {"rungs": {}, "gates": {}, "peak_bytes": {}, "seconds": {}}
    for last in (*map(facts, there.values()), read_json(out / "metrics.json")):
        made_of = last.get("fingerprints", {})
        same = {name for name, of in made_of.items() if of == prints.of(name)}
        rungs = last.get("rungs", {})
        found["rungs"] |= {name: rung for name, rung in rungs.items() if name in same}
        for key in ("gates", "peak_bytes", "seconds"):
            found[key] |= last.get(key, {}) if same else {}
    return found


def is_kept(out: Path, name: str, learned: Path) -> bool:
    """Whether a folder holds an export of these very weights in a precision."""
    fingerprint = str(facts(out / name).get("fingerprint", ""))
    return fingerprint.startswith(weights_print(learned))
