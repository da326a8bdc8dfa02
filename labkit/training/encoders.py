"""Which models are encoders, told from their files; no torch.

An encoder has no layer that makes logits: it gives each token a state, and a text an embedding.
"""

from pathlib import Path

from ..errors import SpecError
from ..files import read_json
from ..spec import FinetuneSpec

WRITERS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
"""How the classes are called that write text."""


def architecture(folder: Path) -> str:
    """Return the class that a model's files name."""
    return str((read_json(Path(folder) / "config.json").get("architectures") or ["unknown"])[0])


def is_encoder(folder: Path) -> bool:
    """Tell whether a model gives embeddings and writes no text."""
    name = architecture(folder)
    return name.endswith(("Model", "ForMaskedLM", "ForPreTraining")) and not name.endswith(WRITERS)


def check_kind(folder: Path, spec: FinetuneSpec) -> None:
    """Refuse a loss that is not for this kind of model.

    Raises:
        SpecError: The loss is for encoders and the model is none, or the other way round.
    """
    if is_encoder(folder) == spec.embeds:
        return
    name = architecture(folder)
    if spec.embeds:
        raise SpecError(
            f"The loss contrastive trains the embeddings of an encoder; {spec.model} ({name}) "
            "writes text.",
            hint="Take model: minilm-l6-v2, or another loss.",
        )
    raise writes_nothing(spec.model, name, "Train it with loss: contrastive.")


def writes_nothing(model: str, name: str, hint: str) -> SpecError:
    """Return the error for an encoder where a model has to write.

    Args:
        model: What it was asked for by.
        name: The class that its files name.
        hint: What to do.
    """
    return SpecError(f"{model} is an encoder ({name}): it gives embeddings, no text.", hint)
