"""How onnxruntime-genai runs a traced graph: it takes any decoder that keeps keys and values."""

from collections.abc import Collection, Mapping
from typing import Any

PLAIN = ("input_ids", "attention_mask", "position_ids")
"""Inputs beside keys and values, as both call them."""

TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id")

KEPT = {"past_key_names": "past_key_values.%d.key", "past_value_names": "past_key_values.%d.value"}
PRESENT = {"present_key_names": "present.%d.key", "present_value_names": "present.%d.value"}


def genai_config(
    facts: Mapping[str, Any], inputs: Collection[str], tokens: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what `genai_config.json` holds; how long an answer may be is `deploy`'s to say.

    Args:
        facts: Of `trace.facts_of`.
        inputs: What the graph reads.
        tokens: Special tokens by the names of `TOKENS`, as far as the model has them.
    """
    model = {name: facts[name] for name in ("vocab_size", "context_length")}
    decoder = {
        "session_options": {"log_id": "onnxruntime-genai", "provider_options": []},
        "filename": "model.onnx",
        "inputs": {name: name for name in PLAIN if name in inputs} | KEPT,
        "outputs": {"logits": "logits"} | PRESENT,
        **facts["decoder"],
    }
    known = {name: tokens[name] for name in TOKENS if tokens.get(name) is not None}
    # plain attention gives keys and values that are longer, so they cannot be written in place
    search = {"past_present_share_buffer": False}
    return {"model": {"type": "decoder", **model, **known, "decoder": decoder}, "search": search}
