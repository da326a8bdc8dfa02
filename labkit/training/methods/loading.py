"""Models from disk: the base as a method wants it, and with what a run learned."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from torch import nn

from ... import machine
from ...spec import FinetuneSpec
from ..encoders import architecture, is_encoder, writes_nothing
from ..slow_imports import import_peft
from ..surroundings import quiet
from .devices import device, placed
from .four_bit import compute_alike, let_go_of_files, quantisation
from .head import put_head, read_labels
from .saved import load_weights

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

Model = TypeVar("Model", bound=nn.Module)


def load_base(
    folder: Path,
    *,
    trust_remote_code: bool = False,
    encoder: bool = False,
    **options: Any,  # noqa: ANN401 - more for from_pretrained
) -> "PreTrainedModel":
    """Return the model of a folder in fp32, using all processors this process may use.

    Args:
        folder: A model in Transformers' format.
        trust_remote_code: Run code that comes with it.
        encoder: Take it as an encoder, which gives embeddings; otherwise it has to write.
        **options: More for `from_pretrained`.

    Raises:
        SpecError: It is an encoder, and not wanted as one.
    """
    from transformers import AutoModel, AutoModelForCausalLM
    from transformers.utils import logging

    if is_encoder(folder) and not encoder:
        raise writes_nothing(
            Path(folder).name, architecture(folder), "Name a causal language model."
        )
    torch.set_num_threads(machine.processors())
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    kind: Any = AutoModel if encoder else AutoModelForCausalLM
    with quiet():
        model: PreTrainedModel = kind.from_pretrained(
            folder,
            dtype=torch.float32,
            trust_remote_code=trust_remote_code,
            local_files_only=True,
            **options,
        )
    if encoder and hasattr(model, "pooler"):
        setattr(model, "pooler", None)  # noqa: B010 - an embedding is the mean of the states, nothing comes after them
    return model


def load_model(folder: Path, spec: FinetuneSpec) -> "PreTrainedModel":
    """Return the base model as the method wants it: in fp32, or in 4 bits."""
    if spec.method != "qlora":
        return load_base(folder, trust_remote_code=spec.trust_remote_code, encoder=spec.embeds)
    model = load_base(
        folder,
        trust_remote_code=spec.trust_remote_code,
        quantization_config=quantisation(spec),
        device_map={"": device()},
    )
    let_go_of_files(model)
    compute_alike(model)
    machine.give_back_memory()
    return model


def load_tuned(
    folder: Path, learned: Path, spec: FinetuneSpec, *, base: "PreTrainedModel | None" = None
) -> nn.Module:
    """Return a model with what a run learned, ready to answer.

    Args:
        folder: The base model.
        learned: What the run saved, `Run.learned`.
        spec: The run's settings; the method is not told by every adapter's files.
        base: The base model, if it is in memory; it is changed. Left out, it is loaded.
    """
    if spec.method == "full" and not spec.head:
        return _ready(load_model(learned, spec), spec)
    model: Any = base if base is not None else load_model(folder, spec)
    if spec.head:
        put_head(model, len(read_labels(learned)))
    if spec.method == "full":
        load_weights(model, learned)
    else:
        model = load_adapter(model, learned, spec)
    return cast("nn.Module", _ready(model, spec))


def load_adapter(
    model: "PreTrainedModel",
    path: Path,
    spec: FinetuneSpec | None = None,
    *,
    is_trainable: bool = False,
) -> "PeftModel":
    """Return `model` with the adapter saved in `path`, in evaluation mode.

    Args:
        model: The base model, with a head if the adapter has one.
        path: An adapter in PEFT's format.
        spec: The run's settings; a bottleneck adapter cannot be told from LoRA without them.
        is_trainable: Let it learn on.
    """
    import_peft()
    from peft import PeftConfig, PeftModel

    config = PeftConfig.from_pretrained(str(path))
    if spec is not None and spec.method == "adapter":
        from .bottleneck import register

        register(config)
    with quiet():
        loaded = PeftModel.from_pretrained(
            model, str(path), config=config, is_trainable=is_trainable
        )
    return _ready(loaded, spec)


def _ready(model: Model, spec: FinetuneSpec | None) -> Model:
    """Return the model itself, where it computes and without dropout."""
    return placed(model, spec).eval()
