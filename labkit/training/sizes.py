"""How much a method trains, counted from the shapes of a model's weights; no torch.

The counts are those of `adapter_facts` on the model that is ready to learn.
"""

from collections.abc import Callable, Mapping
from math import prod

from ..spec import FinetuneSpec
from . import layer_names
from .layer_names import FEED_FORWARD_OUTPUTS, KEYS_AND_VALUES, ends_with, is_wanted
from .sketch import Sketch

IA3_TARGETS: dict[str, tuple[str, ...]] = {
    "gpt_neo": ("q_proj", "v_proj", "c_proj"),
    "gptj": ("q_proj", "v_proj", "fc_out"),
    "llama4": ("q_proj", "v_proj", "down_proj"),
    "opt": ("q_proj", "k_proj", "fc2"),
    "phi": ("q_proj", "v_proj", "fc2"),
    **dict.fromkeys(
        ("gemma", "gemma2", "gemma3_text", "qwen2", "qwen3"), ("q_proj", "v_proj", "down_proj")
    ),
}
"""What PEFT's table gives (IA)³ where it is not keys, values and the feed-forward's last; the last
of each is the feed-forward's."""


def trainable(model: Sketch, spec: FinetuneSpec, *, n_labels: int = 0) -> int:
    """Return the parameters that learn.

    Args:
        model: The base model.
        spec: The settings.
        n_labels: Outputs of the new head, where `spec.head` asks for one.

    Raises:
        SpecError: A setting names a layer that the model has not.
    """
    return COUNTS[spec.method](model, spec) + _beside(model, spec, n_labels)


def _beside(model: Sketch, spec: FinetuneSpec, n_labels: int) -> int:
    """Return the weights that learn whole beside an adapter: named layers and a new head."""
    names = {*layer_names.whole(model.layers, spec.modules_to_save or ())}
    if spec.head:
        names.discard(model.output)
    return sum(map(model.layer, names)) + spec.head * n_labels * model.hidden


def _full(model: Sketch, spec: FinetuneSpec) -> int:
    old = f"{model.output}." if spec.head else "?"  # a head takes the output layer's place
    return sum(prod(shape) for name, shape in model.shapes.items() if not name.startswith(old))


def _lora(model: Sketch, spec: FinetuneSpec) -> int:
    lengths = 1 if spec.method == "dora" else 0
    chosen = _chosen(model, spec, layer_names.targets([*model.linear], spec.target_modules))
    return sum(spec.r * (n_in + n_out) + lengths * n_out for n_in, n_out in chosen.values())


def _adapter(model: Sketch, spec: FinetuneSpec) -> int:
    layers = [*model.linear]
    if spec.target_modules == "auto":
        wanted: str | list[str] = layer_names.block_ends(layers, spec.adapter_placement)
    else:
        wanted = layer_names.targets(layers, spec.target_modules)
    chosen = _chosen(model, spec, wanted).values()
    return sum(2 * spec.r * n_out + spec.r + n_out for _, n_out in chosen)


def _ia3(model: Sketch, spec: FinetuneSpec) -> int:
    layers, inner = [*model.linear], spec.feedforward_modules
    known = IA3_TARGETS.get(str(model.config.get("model_type")))
    if spec.target_modules != "auto":
        wanted = layer_names.targets(layers, spec.target_modules)
    elif known:
        wanted, inner = list(known), inner or known[-1:]
    else:
        wanted = layer_names.those_in(layers, (*KEYS_AND_VALUES, *FEED_FORWARD_OUTPUTS))
    inputs = layer_names.feed_forward(layers, wanted, inner)
    sizes = _chosen(model, spec, wanted).items()
    return sum(s[0] if any(ends_with(n, end) for end in inputs) else s[1] for n, s in sizes)


def _chosen(
    model: Sketch, spec: FinetuneSpec, wanted: str | list[str]
) -> dict[str, tuple[int, int]]:
    """Return inputs and outputs of the layers that get an adapter."""
    linear, is_all = model.linear, wanted == "all-linear"
    if spec.last_layers is not None:
        wanted = layer_names.of_last_blocks([*linear], wanted, spec.last_layers, model.blocks)
    whole = layer_names.whole(model.layers, spec.modules_to_save or ())
    left_out = {*whole, *([model.output] if spec.head or is_all else [])}
    return {n: s for n, s in linear.items() if is_wanted(n, wanted) and n not in left_out}


def _prompt(model: Sketch, spec: FinetuneSpec) -> int:
    return spec.num_virtual_tokens * model.hidden


def _prefix(model: Sketch, spec: FinetuneSpec) -> int:
    width, count = _key_width(model), model.blocks
    if not spec.prefix_projection:
        return spec.num_virtual_tokens * count * 2 * width
    inner, outer = model.hidden, count * 2 * width
    return spec.num_virtual_tokens * width + (width + 1) * inner + (inner + 1) * outer


def _key_width(model: Sketch) -> int:
    """Return the width of a block's keys: of the heads that share them."""
    groups, heads = (model.config.get(f"num_{n}_heads") for n in ("key_value", "attention"))
    if not groups or not heads:
        return model.hidden
    return int(model.config.get("head_dim") or model.hidden // heads) * int(groups)


COUNTS: Mapping[str, Callable[[Sketch, FinetuneSpec], int]] = {
    "full": _full,
    **dict.fromkeys(("lora", "qlora", "dora", "rslora"), _lora),
    "adapter": _adapter,
    "ia3": _ia3,
    "prompt_tuning": _prompt,
    "prefix_tuning": _prefix,
}
"""Methods, each with what counts the parameters of its adapter."""
