"""A model made ready to learn by its method."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...errors import SpecError, near
from ...spec import FinetuneSpec
from ..surroundings import quiet
from .configurations import CONFIGURATIONS
from .facts import base_of, is_adapted
from .head import check_head, put_head
from .starts import begin

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


def add_adapter(
    model: "PreTrainedModel", spec: FinetuneSpec, *, n_labels: int | None = None
) -> "nn.Module":
    """Return `model` ready to learn: with a fresh adapter on frozen weights, or all of it.

    An adapter's weights are float32 and depend on `spec.seed` alone, and the global random state
    is left as it was.

    Args:
        model: The base model, as `load_model` gives it.
        spec: The settings.
        n_labels: Outputs of the new head where `spec.head` asks for one.

    Raises:
        SpecError: The method is not known, or it cannot do this with this model.
    """
    from peft import get_peft_model

    check_head(spec, n_labels)
    if spec.method != "full" and spec.method not in CONFIGURATIONS:
        hint = near(spec.method, CONFIGURATIONS, f"Methods: full, {', '.join(CONFIGURATIONS)}.")
        raise SpecError(f"There is no method {spec.method!r}.", hint=hint)
    with quiet(), _seeded(spec.seed):
        if spec.head and n_labels is not None:
            put_head(model, n_labels)
        if spec.method == "full":
            return model.requires_grad_(True)
        tuned = get_peft_model(model, CONFIGURATIONS[spec.method](model, spec))
        begin(tuned, spec)
    return tuned


def remarks(model: "nn.Module") -> list[str]:
    """Return sentences on what the reader might not expect of a model that is ready to learn."""
    base = base_of(model)
    if not is_adapted(model) or not base.config.get_text_config().tie_word_embeddings:
        return []
    inputs, outputs = base.get_input_embeddings(), base.get_output_embeddings()  # type: ignore[no-untyped-call]
    ends = {id(inputs): "input embedding", id(outputs): "output layer"}
    return [
        f"The {ends[id(module)]} ({name.rpartition('.')[2]}) shares its weights in the base model; "
        "it learns apart, the other stays as it was, and a merged model holds both."
        for name, module in base.named_modules()
        if id(module) in ends and any(p.requires_grad for p in module.parameters())
    ]


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
