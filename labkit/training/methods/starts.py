"""How an adapter's first weights are made, where PEFT's own random ones will not do."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ...data import Tokens
from ...errors import SpecError
from ...spec import FinetuneSpec
from .. import batches
from ..surroundings import quiet
from .configurations import CHANGE_THE_BASE
from .facts import base_of

if TYPE_CHECKING:
    from peft import PeftModel

EVA_TOKENS = 1024
"""Tokens of a batch that EVA looks at."""


def begin(model: "PeftModel", spec: FinetuneSpec) -> None:
    """Fill the first weights of prompt and prefix tuning."""
    if base_of(model).device.type == "meta":
        return
    if spec.method == "prompt_tuning" and spec.prompt_tuning_init_text is not None:
        _begin_with_text(model, spec.prompt_tuning_init_text)
    if spec.method == "prefix_tuning" and not spec.prefix_projection:
        _begin_with_tokens(model)


@torch.no_grad()
def _begin_with_text(model: "PeftModel", text: str) -> None:
    """Start a trained prompt from a text's tokens, repeated until there are enough."""
    from transformers import AutoTokenizer

    base = base_of(model)
    tokenizer = AutoTokenizer.from_pretrained(base.name_or_path, local_files_only=True)
    ids: list[int] = tokenizer(text, add_special_tokens=False).input_ids
    if not ids:
        raise SpecError(
            f"prompt_tuning_init_text must have at least one token; got {text!r}.",
            hint="Leave it out to start from tokens drawn at random.",
        )
    weight = _encoder(model).embedding.weight
    often = ids * math.ceil(len(weight) / len(ids))
    words = torch.tensor(often[: len(weight)], device=base.device)
    weight.copy_(base.get_input_embeddings()(words))


@torch.no_grad()
def _begin_with_tokens(model: "PeftModel") -> None:
    """Start a prefix from the keys and values of random tokens.

    Real activations train faster and better than random numbers (Li and Liang, 2021, §7.4).
    """
    base, weight = base_of(model), _encoder(model).embedding.weight
    embedding: Any = base.get_input_embeddings()
    n_tokens, vocabulary = len(weight), len(embedding.weight)
    ids = torch.randint(vocabulary, (1, n_tokens)).to(base.device)
    cache: Any = base(input_ids=ids, use_cache=True).past_key_values
    states = [state for layer in cache.layers for state in (layer.keys, layer.values)]
    if all(state.shape[2] == n_tokens for state in states):  # a short window keeps fewer
        weight.copy_(torch.cat(states).permute(2, 0, 1, 3).reshape(n_tokens, -1))


def _encoder(model: "PeftModel") -> Any:  # noqa: ANN401 - PEFT's
    encoders: Any = model.prompt_encoder
    return encoders[model.active_adapter]


def learn_start(model: nn.Module, spec: FinetuneSpec, rows: Sequence[Tokens]) -> None:
    """Start LoRA's `A` from the directions in which the training rows differ most (EVA).

    Paischer et al., 2024, arXiv:2410.07170; each layer keeps its rank.

    Raises:
        SpecError: There are fewer tokens than ranks.
    """
    if spec.init_lora_weights != "eva":
        return
    from peft import initialize_lora_eva_weights

    n_tokens = sum(len(row.input_ids) for row in rows)
    if n_tokens < 2 * spec.r:
        raise SpecError(
            f"init_lora_weights eva needs at least {2 * spec.r} training tokens; got {n_tokens}.",
            hint="Take more rows, a smaller r, or init_lora_weights default.",
        )
    read = list(_passes(rows, 2 * spec.r))
    with quiet():
        initialize_lora_eva_weights(model, read, forward_fn=_read, show_progress_bar=False)


def _passes(rows: Sequence[Tokens], least: int) -> Iterator[dict[str, Tensor]]:
    """Yield padded batches of rows with at least `least` tokens each."""
    chosen: list[Tokens] = []
    left = sum(len(row.input_ids) for row in rows)
    for row in rows:
        chosen.append(row)
        left -= len(row.input_ids)
        if sum(len(r.input_ids) for r in chosen) >= max(EVA_TOKENS, least) and left >= least:
            yield _inputs(chosen)
            chosen = []
    if chosen:
        yield _inputs(chosen)


def _inputs(rows: Sequence[Tokens]) -> dict[str, Tensor]:
    batch = batches.pad(rows)
    return {name: batch[name] for name in ("input_ids", "attention_mask")}


def _read(model: "PeftModel", inputs: dict[str, Tensor]) -> Any:  # noqa: ANN401 - unused
    device = next(model.parameters()).device
    return model(**batches.to_device(inputs, device), use_cache=False, logits_to_keep=1)


def changes_the_base(spec: FinetuneSpec) -> bool:
    """Tell whether the adapter starts from a part of the base weights, which it takes out."""
    return spec.init_lora_weights in CHANGE_THE_BASE


def difference(state: Mapping[str, Tensor], start: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the adapter of rank `2 * r` that does to the whole base what training did.

    Training moves `W - s * B0 @ A0 + s * B @ A`, so the base `W` gains `s * (B @ A - B0 @ A0)`,
    which is `s * [B, -B0] @ [A; A0]`.
    """
    made = dict(state)
    for name, tensor in state.items():
        if "lora_A" in name:
            made[name] = torch.cat([tensor, start[name]], 0)
        elif "lora_B" in name:
            made[name] = torch.cat([tensor, -start[name]], 1)
    return made


def widen(config: Path) -> None:
    """Rewrite an adapter's configuration for the rank that `difference` gave it."""
    values = json.loads(config.read_text(encoding="utf-8"))
    values["r"] *= 2
    values["lora_alpha"] *= math.sqrt(2) if values["use_rslora"] else 2  # the same scale
    values["init_lora_weights"] = True
    config.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
