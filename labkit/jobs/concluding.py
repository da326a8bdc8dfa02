"""The end of a search: the best trial beside the default on rows that chose neither."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from .. import data, evaluation, report
from ..errors import RunFailed
from ..evaluation.paired import LEVEL
from ..evaluation.scores import METRICS
from ..files import write_json
from ..run import Run
from ..search import Trial, best_of, trials_of
from ..search import study as studies
from ..search.claims import Claims
from ..spec.source import SourceSettings
from .job import Job, opened, write_environment
from .measuring import Held, measured


def conclude(job: Job, run: Run, claims: Claims) -> None:
    """Measure the best trial and the default on the held-out rows; write results and reports.

    Raises:
        RunFailed: No trial came to its end.
    """
    trials = trials_of(run)
    best = best_of(claims.spec, trials)
    if best is None:
        raise RunFailed(
            "No trial came to its end.",
            hint="Give them more time, or search among other values; `%runs` shows each trial.",
        )
    default = next((one for one in trials if one.number is None and one.value is not None), None)
    found = _facts(claims, trials, best, default) | _compared(job, best, default)
    write_json(run.path / "metrics.json", found)
    report.write_report(run)


def _facts(
    claims: Claims, trials: list[Trial], best: Trial, default: Trial | None
) -> dict[str, Any]:
    """Return what was searched and found, without any test row."""
    counted = [trial.state for trial in trials if trial.number is not None]
    return {
        "best": f"{best.run.path.parent.name}/{best.run.path.name}",
        "drawn": dict(best.drawn),
        "metric": claims.spec.metric_for_best_model,
        "objective": best.value,
        "default_objective": default.value if default else None,
        "trials": {state: counted.count(state) for state in dict.fromkeys(counted)},
        "importance": studies.importances(claims.study, claims.spec),
    }


def _compared(job: Job, best: Trial, default: Trial | None) -> dict[str, Any]:
    """Measure both on the held-out rows and return what a measurement's metrics.json holds."""
    judged = f"trial {best.name}"
    found: dict[str, Any] = {}
    for name, trial in (("default", default), (judged, best)):
        if trial is not None:
            held = _held(job, trial)
            found |= _measured(held, trial, name, found.get("base"))
            if trial is not best and _source(trial) != _source(best):
                del found["base"]
    splits = held.splits
    write_environment(job, splits.fingerprint)
    comparisons = {
        name: _comparison(found[name], found[judged], splits.held_out, (name, judged))
        for name in found
        if name != judged
    }
    return {
        "task": splits.task,
        "run": judged,
        "split": splits.held_out_split,
        "n": len(splits.held_out),
        "labels": list(splits.labels),
        "models": {name: of.as_dict() for name, of in found.items()},
        "comparisons": comparisons,
        "is_better": _is_better(comparisons.get("default")),
    }


def _held(job: Job, trial: Trial) -> Held:
    splits, folder, tokenizer = opened(job, trial.settings)
    return Held(job, trial.settings, folder, tokenizer, splits)


def _measured(held: Held, trial: Trial, name: str, base: Any) -> dict[str, Any]:  # noqa: ANN401
    """Measure a trial as any run is, complete its record, and return the evaluations."""
    metrics, base, tuned = measured(held, trial.run.learned, base)
    write_json(trial.run.path / "metrics.json", trial.run.metrics | metrics)
    report.write_card(trial.run)
    report.write_report(trial.run)
    return {"base": base, name: tuned}


def _comparison(
    first: Any,  # noqa: ANN401 - evaluations of either kind
    second: Any,  # noqa: ANN401
    examples: Sequence[data.Example],
    names: tuple[str, str],
) -> dict[str, Any]:
    """Return the difference of two models by the task's first metric, with its interval."""
    called = (f"The model {names[0]}", f"The model {names[1]}")
    if isinstance(second, evaluation.Evaluation):
        texts = [example.prompt for example in examples]
        paired = evaluation.compare(first, second, texts, names=called).paired
        return {"metric": "accuracy", **asdict(paired)}
    return evaluation.compare_texts(first, second, names=called).as_dict()


def _source(trial: Trial) -> list[Any]:
    """Return the settings that the base model's answers depend on."""
    return [getattr(trial.settings, item.name) for item in fields(SourceSettings)]


def _is_better(found: dict[str, Any] | None) -> bool | None:
    """Tell whether the best trial is better than the default by more than chance; None: unknown."""
    if found is None:
        return None
    higher = METRICS[found["metric"]].higher_is_better
    return bool(found["p_value"] < LEVEL and (found["difference"] > 0) == higher)
