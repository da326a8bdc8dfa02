"""What a model has forgotten: its loss on plain English, before and after it was tuned."""

from typing import TYPE_CHECKING, Any

from .. import export
from ..evaluation.kinds import Model

if TYPE_CHECKING:
    from .measuring import Held


def text_loss(held: "Held", model: Model) -> float | None:
    """Return a model's mean loss on the text that labkit brings, nats per token; None of a head."""
    if held.spec.head:
        return None
    import torch
    from torch.nn.functional import cross_entropy

    model.eval()
    device, total, rows = next(model.parameters()).device, 0.0, export.text_rows(held.tokenizer)
    with torch.no_grad():
        for row in rows:
            ids = torch.tensor([row], device=device)
            logits = model(input_ids=ids, use_cache=False).logits[0, -len(row) : -1]
            total += float(cross_entropy(logits.float(), ids[0, 1:], reduction="sum"))
    return total / sum(len(row) - 1 for row in rows)


def forgetting(held: "Held", before: float | None, model: Model) -> dict[str, Any]:
    """Return `general_text` of metrics.json; nothing where a head has taken the place of words.

    Args:
        held: Its tokenizer reads the text.
        before: The base model's `text_loss`.
        model: The tuned model.
    """
    after = text_loss(held, model)
    if before is None or after is None:
        return {}
    n = sum(len(row) - 1 for row in export.text_rows(held.tokenizer))
    vocabulary = int(model.config.get_text_config().vocab_size)
    return {
        "general_text": {"n_tokens": n, "base": before, "tuned": after, "vocabulary": vocabulary}
    }
