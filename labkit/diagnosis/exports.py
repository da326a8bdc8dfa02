"""What the exports of a run say: what went into them, and how they cut text into tokens."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..data.row_tokenizer import RowTokenizer
from ..errors import LabError
from ..run import Run
from ..spec import METHODS
from .evidence import Evidence
from .finding import Finding

PROMPTS = 32
"""Prompts that two tokenizers are compared on; one that is cut otherwise is enough."""


TORCH = {"base", "adapter", "merged"}
"""Rungs of an export that are PyTorch models."""

COMPARED = ("base", "adapter", "fp32")
"""Rungs of an export: the base model, the tuned one, and what was made of it."""


def left_out(seen: Evidence) -> Finding | None:
    """The export was made without merging, though the method merges."""
    for export in exports_of(seen.run):
        rungs = {event["name"] for event in export.of("rung")}
        if METHODS[seen.spec.method].merges and "fp32" in rungs and "merged" not in rungs:
            return Finding(
                "adapter_not_merged",
                f"{export.path.name}/ was made of PyTorch models {', '.join(sorted(rungs & TORCH))}"
                f"; what {seen.spec.method} learned was never merged into the base model.",
                "export",
                _again(seen, export.path.name),
                None,
                {"merged models": 0.0, "exported models": 1.0},
                "models",
            )
    return None


def not_merged(seen: Evidence) -> Finding | None:
    """The exported model answers as the base model does."""
    for export in exports_of(seen.run):
        found = _metrics(export)
        if set(found) != set(COMPARED):
            continue
        base, tuned, made = (float(found[name]["value"]) for name in COMPARED)
        low, high = found["adapter"]["interval"] or (tuned, tuned)
        if low <= made <= high or abs(made - tuned) <= abs(made - base):
            continue
        return Finding(
            "adapter_not_merged",
            f"{found['fp32']['name']} of the exported model is {made:.3f}, as the base model's "
            f"{base:.3f}; the tuned model has {tuned:.3f} [{low:.3f}, {high:.3f}]: what was "
            "learned did not go into the export.",
            "export",
            _again(seen, export.path.name),
            None,
            {"base": base, "tuned": tuned, "exported": made},
            str(found["fp32"]["name"]),
        )
    return None


def other_tokenizer(seen: Evidence) -> Finding | None:
    """The tokenizer beside an exported model cuts the run's prompts into other tokens."""
    if seen.tokenizer is None or seen.splits is None:
        return None
    prompts = [example.prompt for example in seen.splits.held_out[:PROMPTS]]
    wanted = seen.tokenizer(prompts)["input_ids"]
    for folder in _folders(seen.run):
        try:
            got = RowTokenizer(folder)(prompts)["input_ids"]
        except LabError:
            continue
        other = sum(a != b for a, b in zip(got, wanted, strict=True))
        if other:
            return _mismatch(seen, folder, other, (wanted, got))
    return None


def exports_of(run: Run) -> list[Run]:
    """Return the exports of a run."""
    return [Run(file.parent) for file in sorted(run.path.glob("onnx*/spec.yaml"))]


def _mismatch(
    seen: Evidence, folder: Path, other: int, ids: tuple[list[list[int]], list[list[int]]]
) -> Finding:
    wanted, got = (sum(map(len, part)) for part in ids)
    return Finding(
        "tokenizer_mismatch",
        f"The tokenizer of {folder.parent.name}/{folder.name} cuts {other} of {len(ids[0])} "
        f"held-out prompts into other tokens than the model learned ({got} against {wanted}).",
        "export",
        _again(seen, folder.parent.name),
        None,
        {"learned": wanted, "exported": got},
        "tokens of the same prompts",
    )


def _again(seen: Evidence, export: str) -> str:
    return f"Delete {export}/ and export again: %optimize {seen.run.name}."


def _folders(run: Run) -> Iterator[Path]:
    for export in exports_of(run):
        yield from (file.parent for file in sorted(export.path.glob("*/tokenizer.json")))


def _metrics(export: Run) -> dict[str, dict[str, Any]]:
    """Return the task's metric of the rungs that are compared, as noted last."""
    return {
        event["name"]: event["metric"]
        for event in export.of("rung")
        if event["name"] in COMPARED and event.get("metric")
    }
