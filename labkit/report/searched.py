"""A search as blocks: its trials as they come, the best so far, what matters, the verdict."""

from functools import partial
from itertools import accumulate
from statistics import mean
from typing import Any

from ..run import Run
from ..search import Trial, best_of, is_better, root_of, searched, trials_of
from ..spec import SweepSpec
from . import words
from .blocks import Block, Box, Facts, Picture, Table
from .chart_sweep import best_so_far, importance_bars, parallel
from .figures import title

MOST_ROWS = 40
"""Trials in the table; of more the best are shown."""

SIGNS = {
    "waiting": "… waiting",
    "running": "● running",
    "done": "✓ done",
    "pruned": "✂ given up",
    "stopped": "■ stopped",
    "failed": "✗ failed",
}
"""Sign and words of a trial's state."""


def search(run: Run) -> list[Block]:
    """Return what there is to see of a search, while it goes on or in the end."""
    root = root_of(run)
    spec, trials = searched(root), trials_of(root)
    if not trials:
        return []
    best = best_of(spec, trials)
    return [
        *verdict(root),
        numbers(root, spec, trials, best),
        *pictures(root, spec, trials, best),
        table(spec, trials, best),
    ]


def verdict(run: Run) -> list[Block]:
    """Return whether the best trial is better than the default by more than chance."""
    metrics = run.metrics
    if "best" not in metrics:
        return []
    found, name = metrics["comparisons"].get("default"), Run(run.path / metrics["best"]).name
    steps = (f"Use it as any run:  %evaluate {name}", f"or export it:  %optimize {name}")
    if found is None:
        said = (
            "The default settings did not come to their end, so there is nothing to compare with."
        )
        return [Box("Best trial, beside nothing", said, steps)]
    head = {
        True: "The best trial is better than the default, by more than chance",
        False: "It is not shown that the best trial is better than the default",
    }[bool(metrics["is_better"])]
    rows = f"{metrics['n']} {metrics['split']} rows"
    seen = "" if metrics["split"] == "test" else " These rows chose it too, which flatters it."
    said = (
        f"On {rows}, {title(found['metric'])}: {found['sentence']}{seen} One training each: the "
        "interval tells of the choice of rows, not of another seed."
    )
    return [Box(head, said, steps)]


def numbers(run: Run, spec: SweepSpec, trials: list[Trial], best: Trial | None) -> Facts:
    """Return where the search stands."""
    counted = [trial.state for trial in trials if trial.number is not None]
    ended = sum(state in ("done", "pruned", "failed") for state in counted)
    default = next((trial for trial in trials if trial.number is None), None)
    of = _judge(spec)
    items = [
        ("trials ended", f"{ended} of {spec.total}"),
        ("given up", str(counted.count("pruned"))),
        ("failed", counted.count("failed") and str(counted.count("failed"))),
        (f"best {of}", best and _value(best.value)),
        ("of trial", best and best.name),
        ("the default's", default and default.value is not None and _value(default.value)),
        ("time left", run.is_alive and words.clock(_seconds_left(spec, trials, ended))),
    ]
    return Facts("", tuple((name, str(value)) for name, value in items if value), tiles=True)


def pictures(run: Run, spec: SweepSpec, trials: list[Trial], best: Trial | None) -> list[Block]:
    """Return the search as pictures, as far as there is something to draw."""
    of = _judge(spec)
    values = {trial.number: trial.value for trial in trials if trial.value is not None}
    default = values.pop(None, None)
    known = {int(number): value for number, value in values.items() if number is not None}
    if best is None:
        return []
    number = best.number
    drawn = ", ".join(f"{words.name(n)} {_said(v)}" for n, v in best.drawn.items())
    so_far, held = list(known.values()), default
    line = [*accumulate(so_far, partial(_better, spec))]
    said = f"Best {of} of {len(known)} trials: {_value(best.value)}, of trial {best.name}"
    said += f"; the default has {_value(default)}." if default is not None else "."
    lines = (
        f"Each of {len(trials)} lines is a trial, from its settings to its {of}; dashed ones did "
        f"not come to their end. The best, trial {best.name}: {drawn}."
    )
    blocks: list[Block] = [
        Picture("Best so far", said, lambda: best_so_far(known, line, held, of)),
        Picture("Trials", lines, lambda: parallel(spec.space, trials, number, of)),
    ]
    return [*blocks, *importance(run)]


def importance(run: Run) -> list[Block]:
    """Return which settings matter, once that can be said."""
    events = [event for event in run.of("importance") if event.get("shares")]
    found: dict[str, Any] = run.metrics.get("importance") or (events[-1] if events else {})
    if not found.get("shares"):
        return []
    shares = found["shares"]
    parts = ", ".join(f"{words.name(name)} {words.percent(part)}" for name, part in shares.items())
    at = f"after {found['at']} validations" if found["at"] else "at their end"
    said = f"How much each tells good ones of {found['n']} trials, {at}, from others: {parts}."
    return [Picture("What matters", said, lambda: importance_bars(shares))]


def table(spec: SweepSpec, trials: list[Trial], best: Trial | None) -> Table:
    """Return the trials, one a row, in the order in which they were begun."""
    shown, note = trials, ""
    if len(trials) > MOST_ROWS:
        ended = sorted(trials, key=lambda one: (one.value is None, _order(spec, one)))
        shown, note = ended[:MOST_ROWS], f"The best {MOST_ROWS} of {len(trials)}."
    header = (
        "trial",
        "state",
        *map(words.name, spec.space),
        *_measures(spec),
        "validations",
        "time",
    )
    return Table("All trials", header, tuple(_row(spec, one, best) for one in shown), note=note)


def _measures(spec: SweepSpec) -> tuple[str, ...]:
    own = spec.metric_for_best_model
    return ("lowest validation loss",) + ((_judge(spec),) if own != "eval_loss" else ())


def _row(spec: SweepSpec, trial: Trial, best: Trial | None) -> tuple[str, ...]:
    is_best = best is not None and trial.number == best.number
    own = () if spec.metric_for_best_model == "eval_loss" else (_value(trial.value),)
    return (
        trial.name + (" ★ best" if is_best else ""),
        SIGNS[trial.state],
        *(_said(value) for value in trial.drawn.values()),
        _value(trial.lowest),
        *own,
        str(len(trial.losses)),
        words.seconds(trial.seconds),
    )


def _seconds_left(spec: SweepSpec, trials: list[Trial], ended: int) -> float | None:
    """Return the seconds until enough trials have ended, by the mean of those that have."""
    took = [one.seconds for one in trials if one.state in ("done", "pruned")]
    at_work = max(1, sum(one.state == "running" for one in trials))
    return mean(took) * (spec.total - ended) / at_work if took else None


def _better(spec: SweepSpec, one: float, two: float) -> float:
    return two if is_better(spec, two, one) else one


def _order(spec: SweepSpec, trial: Trial) -> float:
    value = float(trial.value or 0.0)
    return value if is_better(spec, 0.0, 1.0) else -value


def _judge(spec: SweepSpec) -> str:
    """Return what trials are judged by, in words."""
    if spec.metric_for_best_model == "eval_loss":
        return "validation loss"
    return f"validation {title(spec.metric_for_best_model)}"


def _value(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _said(value: Any) -> str:  # noqa: ANN401 - any setting
    return f"{value:.3g}" if isinstance(value, float) else words.value_of("", value)
