"""Two runs beside each other, as blocks: the settings that differ, what each reached and took."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..run import Run
from . import figures, measured, words
from .blocks import Block, Lines, Table
from .facts import title
from .rungs import ladder_of
from .scores import has_results, judged_model

ROWS = ("data", "split", "eval_split", "test_split", "eval_share", "group_by")
"""Settings that decide which rows judge a model."""


@dataclass(frozen=True)
class Measure:
    """One number of a run and how it is written."""

    value: float
    shown: str
    """The value with its unit, and its interval where there is one."""

    write: Callable[[float], str]
    """Writes a difference of two such values, without its sign."""


Measures = dict[str, Measure]
"""Measures by what they are called."""


def difference(run: Run, other: Run) -> list[Block]:
    """Return how two runs differ: settings, results, cost; also of runs that are still going."""
    names = names_of(run, other)
    results = _table("Results", names, _results(run), _results(other), _warning(run, other))
    cost = _table("What it took", names, _cost(run), _cost(other))
    return [_settings(run, other), *results, *cost]


def names_of(run: Run, other: Run) -> tuple[str, str]:
    """Return what each run is called in a table: its short name, where that tells them apart."""
    short = title(run), title(other)
    return (run.name, other.name) if short[0] == short[1] else short


def _settings(run: Run, other: Run) -> Block:
    one, two = ({"job": each.job, **each.spec.as_dict()} for each in (run, other))
    rows = tuple(
        (name, _setting(one[name]), _setting(two[name]))
        for name in one
        if name in two and one[name] != two[name]
    )
    if not rows:
        return Lines("Settings", ("All settings of the two runs are the same.",), folded=False)
    note = (
        "" if one["job"] == two["job"] else "Settings that only one of the jobs has are left out."
    )
    header = ("setting", *names_of(run, other))
    return Table("Settings that differ", header, rows, numeric=False, note=note)


def _setting(value: Any) -> str:  # noqa: ANN401 - any setting
    return f"{value:g}" if isinstance(value, float) else words.value_of("", value)


def _table(
    title: str, names: tuple[str, str], one: Measures, two: Measures, note: str = ""
) -> list[Block]:
    rows = tuple(
        (name, _shown(one.get(name)), _shown(two.get(name)), _apart(one.get(name), two.get(name)))
        for name in dict.fromkeys([*one, *two])
    )
    header = ("measure", *names, "difference")
    return [Table(title, header, rows, note=note)] if rows else []


def _shown(measure: Measure | None) -> str:
    return measure.shown if measure else "–"


def _apart(one: Measure | None, two: Measure | None) -> str:
    """Return the second value less the first, with its sign."""
    if one is None or two is None:
        return "–"
    gap = two.value - one.value
    said = one.write(abs(gap))
    if said == one.write(0.0):
        return "the same"
    return f"{'+' if gap > 0 else '−'}{said}"


def _warning(run: Run, other: Run) -> str:
    """Return what a reader must know before the results of two runs are held together."""
    if not (has_results(run.metrics) and has_results(other.metrics)):
        return ""
    if _judges(run) != _judges(other):
        return "The two were measured on different rows: their results do not compare."
    return "Where two intervals overlap, only a paired test on the same rows decides: %evaluate."


def _judges(run: Run) -> tuple[Any, ...]:
    """Return what decides on which rows a run was measured; a cut share is drawn by its seed."""
    spec, metrics = run.spec.as_dict(), run.metrics
    seed = spec.get("seed") if metrics.get("split") == "validation" else None
    return (*(spec.get(name) for name in ROWS), metrics.get("split"), metrics.get("n"), seed)


def _results(run: Run) -> Measures:
    """Return what the judged model reached; before that the best validation loss so far."""
    found = _scores(run.metrics) if has_results(run.metrics) else {}
    best = measured.curve(run).best
    if best is not None:
        found["best validation loss"] = Measure(best[1], words.loss(best[1]), words.loss)
    return found | _exported(run)


def _scores(metrics: dict[str, Any]) -> Measures:
    of = figures.figures(judged_model(metrics)[1])
    return {
        figures.title(name): Measure(
            words.number(figure.value), figures.cell(name, figure), _writer(name)
        )
        for name, figure in of.items()
    }


def _writer(name: str) -> Callable[[float], str]:
    if name in figures.SHARES:
        return lambda gap: f"{100 * gap:.1f} points"
    return partial(figures.value, name)


def _exported(run: Run) -> Measures:
    """Return what the export that was chosen is like."""
    of = ladder_of(run)
    if of.chosen is None:
        return {}
    rung = of.rungs[of.chosen]
    known = {
        "size": (rung.get("size_bytes"), words.size),
        "each further token": ((rung.get("latency") or {}).get("token_seconds"), words.seconds),
        "KL (nats per token)": ((rung.get("held_out") or {}).get("kl"), words.loss),
    }
    return _known({f"{name}, {of.chosen}": value for name, value in known.items()})


def _cost(run: Run) -> Measures:
    training, adapter = run.metrics.get("training", {}), run.metrics.get("adapter", {})
    return _known(
        {
            "training": (training.get("seconds"), words.seconds),
            "whole run": (measured.elapsed(run), words.seconds),
            "tokens per second": (training.get("tokens_per_second"), words.count),
            "steps": (training.get("steps"), words.count),
            "peak memory": (measured.peak_memory(run), words.size),
            "trainable parameters": (adapter.get("trainable"), words.count),
            "adapter on disk": (adapter.get("bytes"), words.size),
        }
    )


def _known(values: dict[str, tuple[Any, Callable[[float], str]]]) -> Measures:
    """Return the measures that were recorded."""
    return {
        name: Measure(words.number(value), write(value), write)
        for name, (value, write) in values.items()
        if value is not None
    }
