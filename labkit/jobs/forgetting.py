"""What a model has forgotten: its loss on plain English, before and after it was tuned."""

from typing import TYPE_CHECKING, Any

from .. import export
from ..evaluation.kinds import Model

if TYPE_CHECKING:
    from .measuring import Held


def text_loss(held: "Held", model: Model) -> tuple[float, int] | None:
    """Return a model's mean loss on the text that labkit brings, nats per token, and the tokens.

    None where a head has taken the place of words, and of an encoder, which has none.
    """
    if held.spec.head or held.spec.embeds:
        return None
    import torch
    from torch.nn.functional import cross_entropy

    model.eval()
    device, total, n = next(model.parameters()).device, 0.0, 0
    with torch.no_grad():
        for row in export.text_rows(held.tokenizer):
            ids = torch.tensor([row], device=device)
            logits = model(input_ids=ids, use_cache=False).logits[0, -len(row) : -1]
            total += float(cross_entropy(logits.float(), ids[0, 1:], reduction="sum"))
            n += len(row) - 1
    return total / n, n


def forgetting(held: "Held", before: tuple[float, int] | None, model: Model) -> dict[str, Any]:
    """Return `general_text` of metrics.json; nothing where `text_loss` has nothing to say.

    Args:
        held: Its tokenizer reads the text.
        before: The base model's `text_loss`.
        model: The tuned model.
    """
    after = text_loss(held, model)
    if before is None or after is None:
        return {}
    found = {"n_tokens": after[1], "base": before[0], "tuned": after[0]}
    vocabulary = int(model.config.get_text_config().vocab_size)
    return {"general_text": found | {"vocabulary": vocabulary}}
