"""Adapters: added to a model by the method's name, loaded, counted and merged.

A new method is one function that turns a spec into PEFT's own configuration, and one entry in
`METHODS`.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ..errors import SpecError, near
from ..spec import FinetuneSpec
from .surroundings import quiet

if TYPE_CHECKING:
    from peft import PeftConfig, PeftModel
    from torch import nn
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class AdapterFacts:
    """Size of an adapter and of the model it sits on."""

    trainable: int
    """Parameters that learn."""

    total: int
    """All parameters, the base model's and the adapter's; tied weights count once."""

    bytes: int
    """Bytes of the parameters that learn."""


def add_adapter(model: "PreTrainedModel", spec: FinetuneSpec) -> "PeftModel":
    """Return `model` with a fresh adapter of `spec.method`; the base weights are frozen.

    The adapter's weights are float32 and depend on `spec.seed` alone, and the global random
    state is left as it was.

    Raises:
        SpecError: The method is not known, or a target module is not in the model.
    """
    from peft import get_peft_model

    if spec.method not in METHODS:
        hint = near(spec.method, METHODS, f"Methods: {', '.join(METHODS)}.")
        raise SpecError(f"There is no method {spec.method!r}.", hint=hint)
    config = METHODS[spec.method](model, spec)
    with quiet(), _seeded(spec.seed):
        return get_peft_model(model, config)


def load_adapter(
    model: "PreTrainedModel", path: Path, *, is_trainable: bool = False
) -> "PeftModel":
    """Return `model` with the adapter saved in `path`, in evaluation mode."""
    from peft import PeftModel

    with quiet():
        loaded = PeftModel.from_pretrained(model, str(path), is_trainable=is_trainable)
    loaded.eval()
    return loaded


def save_adapter(model: "PeftModel", folder: Path) -> None:
    """Write the adapter in PEFT's format, equal byte for byte where the adapter is equal.

    The vocabulary is not changed, so it is not saved.
    """
    model.save_pretrained(str(folder), save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # a card with gaps; the run writes its own
    file = folder / "adapter_config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    if isinstance(config.get("target_modules"), list):  # PEFT keeps a set, in any order
        config["target_modules"].sort()
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def merge(model: "PeftModel") -> "PreTrainedModel":
    """Return the base model with the adapter added into its weights; changes `model`.

    Raises:
        RuntimeError: A merged weight is not finite.
    """
    return cast("PreTrainedModel", model.merge_and_unload(safe_merge=True))


def base_of(model: "PeftModel") -> "PreTrainedModel":
    """Return the model that an adapter sits on, the adapter's layers in it."""
    return cast("PreTrainedModel", model.get_base_model())


def head_of(model: "PeftModel") -> "nn.Module":
    """Return the layer that turns hidden states into logits."""
    return cast("nn.Module", base_of(model).get_output_embeddings())  # type: ignore[no-untyped-call]


def adapter_facts(model: "nn.Module") -> AdapterFacts:
    """Count the parameters of a model with an adapter."""
    parameters = list(model.parameters())
    learning = [p for p in parameters if p.requires_grad]
    return AdapterFacts(
        trainable=sum(p.numel() for p in learning),
        total=sum(p.numel() for p in parameters),
        bytes=sum(p.numel() * p.element_size() for p in learning),
    )


def _lora(model: "PreTrainedModel", spec: FinetuneSpec) -> "PeftConfig":
    from peft import LoraConfig

    return LoraConfig(
        r=spec.r,
        lora_alpha=spec.lora_alpha,
        lora_dropout=spec.lora_dropout,
        target_modules=target_modules(model, spec.target_modules),
        task_type="CAUSAL_LM",
    )


METHODS: dict[str, Callable[["PreTrainedModel", FinetuneSpec], "PeftConfig"]] = {"lora": _lora}
"""Fine-tuning methods by name, each with the function that makes PEFT's configuration."""


def target_modules(model: "nn.Module", wanted: str | tuple[str, ...]) -> str | list[str]:
    """Return `wanted` in PEFT's form: `all-linear`, a list of names, or a regular expression.

    Raises:
        SpecError: A name or expression matches no linear layer.
    """
    if wanted == "all-linear":
        return wanted
    layers = linear_layers(model)
    if isinstance(wanted, str) and not re.fullmatch(r"[\w.]+(\s*,\s*[\w.]+)*", wanted):
        _require(any(_matches(wanted, layer) for layer in layers), wanted, layers)
        return wanted
    names = re.split(r"\s*,\s*", wanted) if isinstance(wanted, str) else list(wanted)
    for name in names:
        _require(any(f".{layer}".endswith(f".{name}") for layer in layers), name, layers)
    return names


def linear_layers(model: "nn.Module") -> list[str]:
    """Return the full names of the layers that an adapter can sit on."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    return [name for name, m in model.named_modules() if isinstance(m, nn.Linear | Conv1D)]


def _matches(expression: str, name: str) -> bool:
    try:
        return re.fullmatch(expression, name) is not None
    except re.error as error:
        raise SpecError(
            f"target_modules must be names or a regular expression; got {expression!r} ({error}).",
            hint="The default is 'all-linear'.",
        ) from error


def _require(found: bool, name: str, layers: list[str]) -> None:
    if not found:
        known = sorted({layer.rpartition(".")[2] for layer in layers})
        raise SpecError(
            f"target_modules must name linear layers of the model; got {name!r}.",
            hint=f"There are {', '.join(known)}; 'all-linear' takes all but the last.",
        )


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
