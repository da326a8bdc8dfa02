"""What is kept of a base with adapters, one folder a precision: its files and what was measured.

`optimize.json` holds the numbers, of refused adapters too; `labkit.json` what can be switched on.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...files import read_json, write_json
from ...runtime.folder import section, write_section
from ...spec.optimize import PRECISIONS
from ..gates import USABLE
from .lora import CONFIG, WEIGHTS

WHOLE = ("size_bytes", "r", "run", "torch")
"""What is known of an adapter whatever its base's precision; `torch` is PyTorch's model."""

JUDGED = ("held_out", "metric", "verdict", "reasons")
"""What is known of it on a base in one precision."""


@dataclass(frozen=True)
class Kept:
    """The folder of one precision of a base."""

    folder: Path

    @property
    def facts(self) -> dict[str, Any]:
        """What was measured; empty where nothing is there."""
        return read_json(self.folder / "optimize.json")

    def holds(self, base: str) -> bool:
        """Whether this is the export of a base with these weights."""
        return self.facts.get("fingerprint") == base

    def has(self, name: str, weights: str) -> bool:
        """Whether an adapter with these weights can be switched on already."""
        found = section(self.folder, "adapters").get(name, {})
        return bool(found.get("learned") == weights)

    def note(self, **values: Any) -> None:  # noqa: ANN401 - JSON values
        """Keep more of what was measured; mappings grow, other values are replaced."""
        facts = self.facts
        for key, value in values.items():
            facts[key] = {**facts.get(key, {}), **value} if isinstance(value, dict) else value
        write_json(self.folder / "optimize.json", facts)

    def put(self, name: str, file: Path, facts: Mapping[str, Any]) -> None:
        """Let an adapter be switched on; one of the same name is replaced."""
        place = self.folder / "adapters" / f"{name}.onnx_adapter"
        place.parent.mkdir(exist_ok=True)
        self._forget_latency()
        file.replace(place)
        own = {"file": f"adapters/{place.name}", "sha256": hash_of([place]), **facts}
        write_section(self.folder, "adapters", section(self.folder, "adapters") | {name: own})

    def drop(self, name: str) -> None:
        """Take an adapter away, where there is one of this name."""
        left = section(self.folder, "adapters")
        if left.pop(name, None):
            self._forget_latency()
            write_section(self.folder, "adapters", left)
        (self.folder / "adapters" / f"{name}.onnx_adapter").unlink(missing_ok=True)

    def _forget_latency(self) -> None:
        """Have it measured again: all are timed in turns, beside each other."""
        write_json(self.folder / "optimize.json", {**self.facts, "latency": {}})

    @property
    def adapters(self) -> dict[str, Path]:
        """File of each adapter that can be switched on."""
        found = section(self.folder, "adapters")
        return {name: self.folder / facts["file"] for name, facts in found.items()}


def metrics(
    out: Path, base: Mapping[str, Any], refused: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """Return what metrics.json holds of all precisions that are kept.

    Args:
        out: Folder of the run.
        base: The rung of the base in PyTorch.
        refused: Rungs of the base that are beyond their gates, by precision.
    """
    kept = {name: facts for name in PRECISIONS if (facts := Kept(out / name).facts)}
    rungs = {name: facts["rung"] for name, facts in kept.items()} | dict(refused)
    adapters: dict[str, dict[str, Any]] = {}
    for precision, facts in kept.items():
        for name, found in facts.get("adapters", {}).items():
            whole = {key: found[key] for key in WHOLE if key in found}
            judged = {key: found[key] for key in JUDGED if key in found}
            adapters[name] = adapters.get(name, {}) | whole | {precision: judged}
    return {
        "target": "cpu",
        "chosen": _chosen(kept),
        "gates": {name: of["gates"] for name, of in kept.items() if name != "fp32"},
        "rungs": {"base": dict(base)} | {name: rungs[name] for name in PRECISIONS if name in rungs},
        "adapters": adapters,
        "latency": {name: facts.get("latency", {}) for name, facts in kept.items()},
    }


def _chosen(kept: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return the precision with the most adapters to use; of those the smallest."""

    def worth(name: str) -> tuple[int, int]:
        verdicts = [found["verdict"] for found in kept[name].get("adapters", {}).values()]
        return sum(verdict in USABLE for verdict in verdicts), -kept[name]["rung"]["size_bytes"]

    return max(kept, key=worth, default=None)


def base_fingerprint(folder: Path) -> str:
    """Return a hash of a Hugging Face folder's weights and configuration."""
    return hash_of([folder / "config.json", *sorted(folder.glob("*.safetensors"))])


def adapter_fingerprint(adapter: Path) -> str:
    """Return a hash of a PEFT folder's weights and configuration."""
    return hash_of([adapter / CONFIG, adapter / WEIGHTS])


def hash_of(files: Iterable[Path]) -> str:
    """Return the SHA-256 of files, one after the other."""
    found = hashlib.sha256()
    for path in files:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                found.update(block)
    return found.hexdigest()
