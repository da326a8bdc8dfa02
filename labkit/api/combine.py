"""One adapter of several."""

import json
from collections.abc import Sequence
from typing import Any

from .. import launch
from ..errors import RunError, SpecError, listed
from ..run import Run, as_run, create, free_name
from ..spec import CombineSettings, CombineSpec, FinetuneSpec
from ..spec.combine import EQUAL_RANKS
from .optimize import learned_by
from .staging import go


def combine(
    adapters: Sequence[str | Run],
    *,
    name: str | None = None,
    wait: bool = True,
    view: launch.View | None = None,
    **settings: Any,  # noqa: ANN401 - the fields of CombineSettings
) -> Run:
    """Make one adapter of several, by PEFT's `add_weighted_adapter`, and measure it.

    The result is a run of its own, to be used as any fine-tuning is. It is measured on the rows of
    the first adapter's run.

    Args:
        adapters: LoRA runs on one base model.
        name: Name of the run; left out: `combined-1`, `combined-2`, …
        wait: Follow it to its end; otherwise return at once.
        view: Who draws meanwhile; by default the notebook, or a line on standard error.
        settings: Fields of `CombineSettings`: `combine`, `weights`, `density`, …

    Raises:
        RunError: A run has no adapter that can be combined with the others.
        SpecError: A setting is wrong, or does not go with these adapters.
    """
    runs = [as_run(run) for run in adapters]
    named = tuple(run.name for run in runs)
    asked = CombineSettings.from_mapping({"adapters": named, **settings})
    specs = learned_on_one_base(runs, "combine")
    r = _rank(asked, [_config(run, spec) for run, spec in zip(runs, specs, strict=True)])
    spec = CombineSpec.of(asked, specs[0], r)
    return go(create(name or free_name("combined"), "combine", spec), wait=wait, view=view)


def learned_on_one_base(runs: Sequence[Run], to: str) -> list[FinetuneSpec]:
    """Return the settings of runs that left what they learned, on one base model.

    Args:
        runs: Fine-tunings.
        to: What is to be done with them, for a sentence.

    Raises:
        RunError: One has learned nothing, or two have different base models.
    """
    specs = [learned_by(run, to) for run in runs]
    for run, spec in zip(runs, specs, strict=True):
        if spec.model != specs[0].model:
            raise RunError(
                f"Adapters must have one base model; {runs[0].name!r} has {specs[0].model}, "
                f"{run.name!r} has {spec.model}.",
                hint="Leave one out, or train it on the other's base model.",
            )
    return specs


def _config(run: Run, spec: FinetuneSpec) -> dict[str, Any]:
    """Return the settings of a run's adapter in PEFT's words; refuse what is no plain LoRA."""
    from ..export.adapters import obstacle

    reason = obstacle(run.learned, spec.method)
    if reason is not None:
        raise RunError(
            f"The adapter of {run.name!r} cannot be combined: {reason}.",
            hint="Only plain LoRA adapters add up (lora, rslora, qlora); leave it out.",
        )
    config: dict[str, Any] = json.loads(
        (run.learned / "adapter_config.json").read_text(encoding="utf-8")
    )
    return config


def _rank(asked: CombineSettings, configs: Sequence[dict[str, Any]]) -> int:
    """Return the rank of what is made; refuse what the way cannot combine."""
    pairs = list(zip(asked.adapters, configs, strict=True))
    ranks = [int(config["r"]) for config in configs]
    if asked.combine in EQUAL_RANKS and len(set(ranks)) > 1:
        said = listed([f"{config['r']} ({name})" for name, config in pairs], "and")
        raise SpecError(
            f"r must be the same for {asked.combine}; got {said}.",
            hint="Take cat, which adds the ranks up, or a way that ends in svd.",
        )
    patterns = [name for name, config in pairs if isinstance(config["target_modules"], str)]
    if patterns and len(patterns) < len(pairs):
        raise RunError(
            f"PEFT combines target_modules that are all names or all patterns; "
            f"{listed(patterns, 'and')} has a pattern.",
            hint="Train all with a list of names, or all with a pattern.",
        )
    if asked.combine == "cat":
        return sum(ranks)
    return asked.svd_rank or max(ranks)
