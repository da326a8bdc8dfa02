"""Fold an adapter into its base model."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import ExportError
from .builder import read_config, refuse_quantized

TOKENIZER_FILES = (
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab*",
    "merges.txt",
    "*.jinja",
)


def merge_adapter(base: Path, adapter: Path, out: Path) -> None:
    """Write base plus adapter as one fp32 model with the base's tokenizer.

    Args:
        base: Hugging Face folder, not quantised.
        adapter: PEFT folder.
        out: New folder.
    """
    check_mergeable(base, adapter)
    if out.exists():
        raise ExportError(f"{out} exists already.", hint="Remove it or name another folder.")
    save_merged(load_tuned(base, adapter), base, out)


def load_tuned(base: Path, adapter: Path | None) -> Any:  # noqa: ANN401 - a torch module
    """Return the base in fp32 with its adapter on top, ready to answer."""
    import torch
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(
        base, dtype=torch.float32, local_files_only=True
    )
    if adapter is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, adapter)
    return model.eval()


def save_merged(model: Any, base: Path, out: Path) -> None:  # noqa: ANN401 - a PeftModel
    """Merge a model of `load_tuned` in place and save it; `out` appears when it is complete."""
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    model.merge_and_unload().save_pretrained(part)
    for path in tokenizer_files(base):
        shutil.copy2(path, part / path.name)
    part.rename(out)


def tokenizer_files(folder: Path) -> Sequence[Path]:
    """Return the files that belong to the tokenizer, chat template included."""
    return sorted({path for pattern in TOKENIZER_FILES for path in folder.glob(pattern)})


def check_mergeable(base: Path, adapter: Path) -> None:
    """Refuse a base that is quantised, and a folder that is no adapter."""
    refuse_quantized(base, read_config(base))
    if not (adapter / "adapter_config.json").is_file():
        hint = "Name the adapter/ folder of a finished run."
        raise ExportError(f"{adapter} holds no adapter_config.json.", hint)
