"""Faults of an export: what goes into it, and what lies beside the model afterwards."""

import json
from dataclasses import dataclass
from pathlib import Path

from ..files import write_text
from .fault import Fault


@dataclass(frozen=True)
class AdapterNotMerged(Fault):
    """The base model was exported, without what the run learned."""

    exports_adapter = False


@dataclass(frozen=True)
class TokenizerMismatch(Fault):
    """The tokenizer beside the exported model cuts text into other tokens than the model's."""

    def exported(self, folder: Path) -> None:
        """Take from the tokenizer of every exported model the later half of its merges."""
        for file in sorted(folder.glob("*/tokenizer.json")):
            tokenizer = json.loads(file.read_text(encoding="utf-8"))
            merges = tokenizer["model"].get("merges", [])
            tokenizer["model"]["merges"] = merges[: len(merges) // 2]
            write_text(file, json.dumps(tokenizer, ensure_ascii=False))
