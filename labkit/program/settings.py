"""Settings as the program's own words: PEFT's configuration, optimizer, schedule."""

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from ..spec import FinetuneSpec
from ..training.schedule import cycles, warmup_steps

if TYPE_CHECKING:
    from peft import PeftConfig

ADAMW = "torch.optim.AdamW"


def call(name: str, arguments: Mapping[str, Any]) -> str:
    """Return a call as source: on one line, or an argument a line where that is too long."""
    parts = [f"{key}={source(value)}" for key, value in arguments.items()]
    line = f"{name}({', '.join(parts)})"
    if len(line) <= 80:
        return line
    inner = "".join(f"    {part},\n" for part in parts)
    return f"{name}(\n{inner})"


def source(value: object) -> str:
    """Return a value as source, texts in double quotes as Python's formatters have them."""
    text = repr(value)
    return text if '"' in text else text.replace("'", '"')


def peft_config(config: "PeftConfig") -> str:
    """Return the source of a configuration: what differs from PEFT's defaults."""
    plain = type(config)()
    changed = {
        field.name: _plain(getattr(config, field.name))
        for field in fields(config)
        if field.init and getattr(config, field.name) != getattr(plain, field.name)
    }
    return call(type(config).__name__, changed)


def optimizer(spec: FinetuneSpec) -> str:
    """Return the lines that make the optimizer."""
    name, options = OPTIMIZERS[spec.optim]
    given = {"lr": spec.learning_rate, **options}
    if spec.loraplus_lr_ratio is not None:
        ratios = {
            "loraplus_lr_ratio": spec.loraplus_lr_ratio,
            "loraplus_weight_decay": spec.weight_decay,
        }
        kind = {"optimizer_cls": _Source(name), **given, **ratios}
        made = call("create_loraplus_optimizer", {"model": _Source("model"), **kind})
        return f"optimizer = {made}"
    if spec.weight_decay:
        return f"{_groups(spec.weight_decay)}\noptimizer = {_made(name, 'groups', given)}"
    return f"optimizer = {_made(name, 'learning', given)}"


def schedule(spec: FinetuneSpec, steps: int) -> str:
    """Return the arguments of `get_scheduler`."""
    restarts = spec.lr_scheduler_type == "cosine_with_restarts"
    more = f", scheduler_specific_kwargs={{'num_cycles': {cycles(spec)}}}" if restarts else ""
    warmup = warmup_steps(steps, spec)
    kind = f'"{spec.lr_scheduler_type}", optimizer'
    return f"{kind}, num_warmup_steps={warmup}, num_training_steps=STEPS{more}"


OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "adamw_torch_fused": (ADAMW, {"weight_decay": 0.0, "fused": True}),
    "adamw_torch": (ADAMW, {"weight_decay": 0.0}),
    "sgd": ("torch.optim.SGD", {}),
    "adafactor": ("Adafactor", {"scale_parameter": False, "relative_step": False}),
}
"""Each optimizer's class and what the Trainer of Transformers sets of it."""


class _Source(str):
    """Text that stands in source as it is."""

    def __repr__(self) -> str:
        return str(self)


def _made(name: str, weights: str, options: Mapping[str, Any]) -> str:
    return call(name, {"params": _Source(weights), **options})


def _groups(weight_decay: float) -> str:
    patterns = r'["bias", "layernorm", "rmsnorm", r"(?:^|\.)norm(?:$|\.)", r"_norm(?:$|\.)"]'
    return (
        f"NORMS = {patterns}  # these do not decay\n"
        "decays = set(get_parameter_names(model, [torch.nn.LayerNorm], NORMS))\n"
        "groups = [\n"
        '    {"params": [w for n, w in model.named_parameters() if w.requires_grad and '
        'n in decays], "weight_decay": ' + repr(weight_decay) + "},\n"
        '    {"params": [w for n, w in model.named_parameters() if w.requires_grad and '
        'n not in decays], "weight_decay": 0.0},\n'
        "]"
    )


def _plain(value: Any) -> Any:  # noqa: ANN401 - any field of a configuration
    """Return a value whose source is the same each time: no set, no enumeration."""
    if isinstance(value, set):
        return sorted(value)
    return getattr(value, "value", value)
