"""One adapter of several on the same base, by PEFT's `add_weighted_adapter`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..spec.combine import DENSITY, CombineSettings
from .methods import save_adapter
from .surroundings import quiet

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def combine(
    base: "PreTrainedModel", parts: Sequence[Path], spec: CombineSettings, folder: Path
) -> None:
    """Write the adapter that several make together; changes `base`.

    Args:
        base: The model that all were trained on, in fp32.
        parts: Plain LoRA adapters in PEFT's format, in the order of `spec.adapters`.
        spec: How they are combined.
        folder: Where the adapter goes, whole or not at all.
    """
    import torch
    from peft import PeftModel

    names = [f"part_{at}" for at in range(len(parts))]
    with quiet(), torch.random.fork_rng(devices=[]):
        model: Any = PeftModel.from_pretrained(base, str(parts[0]), adapter_name=names[0])
        for name, part in zip(names[1:], parts[1:], strict=True):
            model.load_adapter(str(part), adapter_name=name)
        for name in names:  # PEFT makes the new adapter in the likeness of the first
            model.peft_config[name].use_rslora = False  # whose scale would count twice
            model.peft_config[name].init_lora_weights = True
        torch.manual_seed(spec.drop_seed)
        model.add_weighted_adapter(
            names,
            spec.shares,
            "default",
            combination_type=spec.combine,
            density=DENSITY if spec.density is None else spec.density,
            majority_sign_method=spec.majority_sign_method,
            svd_rank=spec.svd_rank,
            svd_full_matrices=False,
        )
        model.set_adapter("default")
        for name in names:
            model.delete_adapter(name)
    draft = folder.with_name(f".{folder.name}")
    save_adapter(model, draft)
    draft.rename(folder)
