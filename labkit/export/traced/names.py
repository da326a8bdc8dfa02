"""How a traced graph calls its products: as the model builder would, layer by layer."""

import re
from collections.abc import Iterable

HEAD = "/lm_head"
LAYER = re.compile(r"\.(\d+)\.")

ROLES = {
    "c_attn": "qkv_proj",
    "query_key_value": "qkv_proj",
    "W_pack": "qkv_proj",
    "Wqkv": "qkv_proj",
    "qkv_proj": "qkv_proj",
    "out_proj": "o_proj",
    "o_proj": "o_proj",
    "wo": "o_proj",
    "c_fc": "up_proj",
    "fc1": "up_proj",
    "fc_in": "up_proj",
    "dense_h_to_4h": "up_proj",
    "fc2": "down_proj",
    "fc_out": "down_proj",
    "dense_4h_to_h": "down_proj",
}
"""What a module is in the builder's words, by the last part of its name."""

TWO_ROLES = {"c_proj": ("o_proj", "down_proj"), "dense": ("o_proj", "down_proj")}
"""Names that mean another thing in attention than in the feed-forward part."""


def stems(modules: Iterable[str], head: str) -> dict[str, str]:
    """Return how the graph calls each product of a model, by the module it is of.

    Args:
        modules: Their names, in the order of the model.
        head: The one that turns hidden states into logits.
    """
    found: dict[str, str] = {}
    for module in modules:
        stem = HEAD if module == head else _stem(module)
        if stem in found.values():  # experts of a layer, each with the same parts
            stem = f"/model/{module.replace('.', '/')}"
        found[module] = stem
    return found


def _stem(module: str) -> str:
    number = LAYER.search(module)
    if number is None:
        return f"/model/{module.replace('.', '/')}"
    *rooms, last = module[number.end() :].split(".")
    is_attention = any("att" in room for room in rooms)
    role = TWO_ROLES[last][not is_attention] if last in TWO_ROLES else ROLES.get(last, last)
    return f"/model/layers.{number[1]}/{'attn' if is_attention else 'mlp'}/{role}"
