"""What a fine-tuning will do, counted before it starts; what is not known is said to be so."""

from dataclasses import dataclass, replace
from math import prod
from typing import Any

from .. import api, catalog, machine
from ..files import read_json
from ..report import plan_line, words
from ..report.blocks import Facts
from ..run import Run, runs_folder
from ..spec import FinetuneSpec
from ..training.schedule import checkpoints_kept, count_steps, steps_per_epoch
from ..training.sizes import trainable
from ..training.sketch import sketch
from .preview import Preview

UNKNOWN = "not known before the first run with these settings"
FETCHED = "known once the model is in the cache"

LOOKED_AT = 30
"""Earlier runs that are compared, the newest first."""

FREE = (
    "learning_rate", "lr_scheduler_type", "num_cycles", "warmup_ratio", "weight_decay",
    "max_grad_norm", "num_train_epochs", "max_steps", "save_total_limit", "seed", "report_to",
    "lora_alpha", "loraplus_lr_ratio", "load_best_model_at_end", "early_stopping_patience",
    "limit", "budget", "force",
)  # fmt: skip
"""Settings that leave a step as long and as large as it was."""

STATE_BYTES = {"adamw_torch_fused": 8, "adamw_torch": 8, "sgd": 0}
"""Bytes that an optimizer keeps beside each weight that learns."""


@dataclass(frozen=True)
class Earlier:
    """What a run of this machine took whose steps were alike."""

    name: str
    seconds_per_step: float
    peak_bytes: int


def plan(spec: FinetuneSpec, seen: Preview) -> Facts:
    """Return the plan of a run.

    Raises:
        LabError: The model or a layer that a setting names is not there.
    """
    rows, steps = len(seen.splits.train), count_steps(len(seen.splits.train), spec)
    earlier = alike(spec)
    foreseen = None if earlier else api.foreseen(spec, seen.splits)
    items = [
        *_parameters(spec, len(seen.splits.labels)),
        ("steps", f"{words.count(steps)}, {words.count(steps_per_epoch(rows, spec))} an epoch"),
        ("tokens a step", _tokens(spec, seen)),
        ("training", _minutes(earlier, steps) if earlier else _foreseen(foreseen, "training")),
        ("memory", _memory(earlier) if earlier else _foreseen(foreseen, "memory")),
    ]
    return Facts("Plan", tuple(items))


def alike(spec: FinetuneSpec) -> Earlier | None:
    """Return the newest run of this machine that differs from `spec` in no setting that costs."""
    found = runs_folder().glob("*/metrics.json")
    newest = sorted(found, key=lambda file: file.stat().st_mtime, reverse=True)[:LOOKED_AT]
    earlier = (_earlier(Run(file.parent), spec) for file in newest)
    return next((one for one in earlier if one is not None), None)


def _earlier(run: Run, spec: FinetuneSpec) -> Earlier | None:
    training = run.metrics.get("training") if run.job == "finetune" else None
    if not training or not training.get("steps") or not _is_this_machine(run):
        return None
    own = run.spec
    same = {name: getattr(spec, name) for name in FREE}
    if not isinstance(own, FinetuneSpec) or replace(own, **same) != spec:
        return None
    return Earlier(run.name, training["seconds"] / training["steps"], training["peak_bytes"])


def _is_this_machine(run: Run) -> bool:
    there = read_json(run.path / "env.json").get("machine", {})
    here = machine.facts()
    return all(there.get(name) == here[name] for name in ("system", "processor", "processors"))


def _parameters(spec: FinetuneSpec, n_labels: int) -> list[tuple[str, str]]:
    folder = catalog.model_at_hand(spec.model)
    known = sketch(folder) if folder else None
    if known is None:
        why = UNKNOWN if folder else FETCHED
        return [("trainable parameters", why), ("on disk", why)]
    learns = trainable(known, spec, n_labels=n_labels)
    base = sum(map(prod, known.shapes.values()))
    total = learns if spec.method == "full" else base + learns
    of = f"{words.count(learns)}, {100 * learns / total:.2g} % of all"
    saved = trainable(known, _as_saved(spec), n_labels=n_labels)
    return [("trainable parameters", of), ("on disk", _disk(spec, learns, 4 * saved))]


def _as_saved(spec: FinetuneSpec) -> FinetuneSpec:
    """Return the spec whose weights are as many as are saved."""
    if spec.init_lora_weights in ("pissa", "olora"):
        return replace(spec, r=2 * spec.r)  # the difference to the first weights
    return replace(spec, prefix_projection=False) if spec.prefix_projection else spec


def _disk(spec: FinetuneSpec, learns: int, saved: int) -> str:
    what = "model" if spec.method == "full" else "adapter"
    state = STATE_BYTES.get(spec.optim)
    each = f"of about {words.size(4 * learns + state * learns)}" if state is not None else "more"
    return f"{what} {words.size(saved)}, up to {checkpoints_kept(spec)} checkpoints {each}"


def _tokens(spec: FinetuneSpec, seen: Preview) -> str:
    if seen.tokens_per_row is None:
        return FETCHED
    rows = len(seen.splits.train)
    of = "" if seen.measured >= rows else f", from the first {words.count(seen.measured)} rows"
    mean = seen.tokens_per_row
    return f"about {words.count(mean * spec.batch_size)}, {mean:.0f} a row{of}"


def _minutes(earlier: Earlier, steps: int) -> str:
    each = earlier.seconds_per_step
    return (
        f"about {words.seconds(each * steps)}: {words.seconds(each)} a step in the run "
        f"{earlier.name}; measuring comes after"
    )


def _memory(earlier: Earlier) -> str:
    return f"{words.size(earlier.peak_bytes)} in the run {earlier.name}"


def _foreseen(plan: dict[str, Any] | None, what: str) -> str:
    """Return a line of the plan that `%plan` makes, as far as it is known without probe steps."""
    return plan_line(plan["forecast"], what) if plan else UNKNOWN
