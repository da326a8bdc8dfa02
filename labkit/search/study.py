"""The study of a search in Optuna: its trials, how the next one is drawn, which to give up.

The storage is a journal, a file in the search's folder to which lines are only added, so that
several processes and machines may work on one study.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..spec import SweepSpec
from ..spec.space import Dimension, Range
from .trials import is_higher_better

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

FOLDER = "study"
"""Folder of the journal inside a search."""

JOURNAL = "journal.log"

ENOUGH = 5
"""Trials from which importance is computed."""

STARTS = 5
"""Trials that TPE draws at random before it learns from them."""


def open_study(path: Path, spec: SweepSpec) -> "Study":
    """Return the study of the search in the folder `path`, made if there is none."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    folder = path.resolve() / FOLDER  # the whole path: the journal's lock is a link to it
    folder.mkdir(exist_ok=True)
    return optuna.create_study(
        storage=optuna.storages.JournalStorage(JournalFileBackend(str(folder / JOURNAL))),
        study_name=path.name,
        load_if_exists=True,
        direction="maximize" if is_higher_better(spec) else "minimize",
        pruner=_pruner(spec),
    )


def trials(study: "Study") -> list["FrozenTrial"]:
    """Return the study's trials as they are now, whoever works on them."""
    return study.get_trials(deepcopy=False)


def add_trial(study: "Study", spec: SweepSpec) -> int:
    """Draw a trial, write it down as one line of the journal, and return its number."""
    import optuna

    space = {name: distribution(of) for name, of in spec.space.items()}
    number = len(trials(study))
    running = optuna.trial.TrialState.RUNNING
    drawn = draw(study, spec, number)
    study.add_trial(optuna.trial.create_trial(state=running, params=drawn, distributions=space))
    return number


def draw(study: "Study", spec: SweepSpec, number: int) -> dict[str, Any]:
    """Return the values of a trial.

    Each trial has a random state of its own, so that they are the same however many processes draw
    them and however often the search was stopped; those of TPE depend also on what had ended.
    """
    if spec.sampler == "grid":
        return grid(spec)[number]
    import optuna

    trial = optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING)
    trial.number = number
    sampler = _sampler(spec, number)
    return {
        name: sampler.sample_independent(study, trial, name, distribution(of))
        for name, of in spec.space.items()
    }


def grid(spec: SweepSpec) -> list[dict[str, Any]]:
    """Return all combinations of a grid, in an order drawn by the seed: a part tells of all."""
    from itertools import product
    from random import Random

    space = spec.space
    points = product(*(dimension.points or () for dimension in space.values()))
    every = [dict(zip(space, values, strict=True)) for values in points]
    Random(spec.seed).shuffle(every)
    return every


def tell(study: "Study", number: int, value: float | None, *, pruned: bool = False) -> None:
    """Record how a trial ended: its value, given up, or failed where there is none."""
    from optuna.trial import TrialState

    if trials(study)[number].state.is_finished():
        return
    if pruned:
        study.tell(number, state=TrialState.PRUNED)
    elif value is None or not math.isfinite(value):
        study.tell(number, state=TrialState.FAIL)
    else:
        study.tell(number, value)


def lags_behind(study: "Study", spec: SweepSpec, number: int, losses: list[float]) -> bool:
    """Report a trial's validation losses, in nats per token, and return whether to give it up."""
    import optuna

    trial = optuna.trial.Trial(study, trials(study)[number]._trial_id)
    known = trials(study)[number].intermediate_values
    sign = -1 if is_higher_better(spec) else 1  # the study compares them in its own direction
    for at, loss in enumerate(losses, start=1):
        if at not in known:
            trial.report(sign * loss, at)
    return trial.should_prune()


def importances(study: "Study", spec: SweepSpec) -> dict[str, Any]:
    """Return how much each setting tells the better half of the trials from all, by PED-ANOVA.

    Watanabe et al., 2023, arXiv:2304.10255, as Optuna has it. With halving, trials are compared by
    their validation loss when the first could be given up, so that those that were count too.

    Returns:
        `n`, the trials; `at`, the validations after which they are compared, or None for their end;
        `shares` by setting, summing to 1. Empty before there are enough trials that differ.
    """
    import optuna

    at = spec.min_resource if spec.pruner == "halving" else None
    compared = optuna.create_study()
    for trial in trials(study):
        if (value := _value(trial, at)) is not None:
            drawn, space = trial.params, trial.distributions
            compared.add_trial(
                optuna.trial.create_trial(value=value, params=drawn, distributions=space)
            )
    ended = trials(compared)
    names = [name for name in spec.space if len({str(one.params[name]) for one in ended}) > 1]
    if len(ended) < ENOUGH or not names or len({one.value for one in ended}) < 2:
        return {}
    found = optuna.importance.get_param_importances(
        compared,
        evaluator=optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.5),
        params=names,
    )
    shares = {name: float(share) for name, share in found.items()}
    return {"n": len(ended), "at": at, "shares": shares}


def _value(trial: "FrozenTrial", at: int | None) -> float | None:
    """Return what a trial is compared by; None where it has not come so far, or ran away."""
    value = trial.value if at is None else trial.intermediate_values.get(at)
    return value if value is not None and math.isfinite(value) else None


def distribution(dimension: Dimension) -> "BaseDistribution":
    """Return a dimension as Optuna has it."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(dimension, Range):
        return CategoricalDistribution(dimension.values)
    low, high, log, step = dimension.low, dimension.high, dimension.log, dimension.step
    if dimension.is_whole:
        return IntDistribution(int(low), int(high), log=log, step=int(step or 1))
    return FloatDistribution(low, high, log=log, step=step)


def _sampler(spec: SweepSpec, number: int) -> "BaseSampler":
    import numpy as np
    import optuna

    seed = int(np.random.SeedSequence([spec.seed, number]).generate_state(1)[0])
    if spec.sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTS, constant_liar=True)


def _pruner(spec: SweepSpec) -> Any:  # noqa: ANN401 - Optuna's
    import optuna

    if spec.pruner == "none":
        return optuna.pruners.NopPruner()
    return optuna.pruners.SuccessiveHalvingPruner(
        min_resource=spec.min_resource, reduction_factor=spec.reduction_factor
    )
