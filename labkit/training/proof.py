"""The adapter that a run leaves: the best or the last, written whole, loaded back, proven."""

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ..errors import RunFailed
from . import checkpoints

if TYPE_CHECKING:
    from peft import PeftModel

FILES = ("adapter_config.json", "adapter_model.safetensors")
"""PEFT's own format."""


def keep(folder: Path, best_step: int | None, adapter: Path) -> int:
    """Copy the adapter of a checkpoint, whole or not at all, and return the step it is of.

    Args:
        folder: The run's checkpoints.
        best_step: Step whose adapter to keep; None keeps the last.
        adapter: Folder to write.
    """
    last = checkpoints.newest(folder)
    if last is None:
        raise RunFailed("The run ended without a checkpoint.", hint="Start it again.")
    source = folder / f"checkpoint-{best_step}" if best_step else last
    draft = folder / checkpoints.DRAFT / "adapter"
    draft.mkdir(parents=True)
    for name in FILES:
        shutil.copyfile(source / name, draft / name)
    checkpoints.publish(draft, adapter)
    checkpoints.clean(folder)
    return checkpoints.step_of(source)


def prove(model: "PeftModel", adapter: Path, fingerprint_before: str, *, is_done: bool) -> None:
    """Load the saved adapter into the model and show that it is whole, finite and not zero.

    Raises:
        RunFailed: It is not, or the base weights have changed.
    """
    from peft import get_peft_model_state_dict, set_peft_model_state_dict
    from safetensors.torch import load_file

    saved = load_file(adapter / "adapter_model.safetensors")
    set_peft_model_state_dict(model, saved)
    loaded = get_peft_model_state_dict(model, save_embedding_layers=False)
    same = saved.keys() == loaded.keys() and all(saved[k].equal(loaded[k].cpu()) for k in saved)
    _require(same, adapter, "differs from the one in memory")
    _require(all(bool(t.isfinite().all()) for t in saved.values()), adapter, "is not finite")
    _require(not is_done or is_learned(saved), adapter, "is zero: it learned nothing")
    unchanged = fingerprint(model) == fingerprint_before
    _require(unchanged, adapter, "came with changed base weights")


def is_learned(adapter: dict[str, torch.Tensor]) -> bool:
    """Tell whether an adapter does anything: LoRA's `A` starts random, its `B` at zero."""
    return any(bool(t.any()) for name, t in adapter.items() if "lora_A" not in name)


def fingerprint(model: "PeftModel") -> str:
    """Return a hash of three frozen tensors: the first, a middle one and the last."""
    frozen = [p for p in model.parameters() if not p.requires_grad]
    digest = hashlib.sha256()
    for tensor in (frozen[0], frozen[len(frozen) // 2], frozen[-1]):
        part = tensor.detach().flatten()[:1_000_000].cpu().contiguous()
        digest.update(part.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _require(holds: bool, adapter: Path, problem: str) -> None:
    if not holds:
        raise RunFailed(
            f"The adapter in {adapter} {problem}.",
            hint="Take more steps or another learning_rate; log.txt has what happened.",
        )
