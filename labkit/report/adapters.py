"""Adapters that are trained on one base, as blocks: how far each is and what it reached."""

from ..run import Run
from ..spec import AdaptersSpec, CombineSpec
from . import words
from .blocks import Block, Box, Facts, Table
from .measured import curve, seconds_left
from .reached import result

HEADER = ("adapter", "status", "step", "best validation loss", "base → tuned", "time left", "size")


def adapters(run: Run) -> list[Block]:
    """Return a table of the adapters of a run, and when all are done what they are good for."""
    names = adapter_names(run)
    table = Table("Adapters", HEADER, tuple(_row(Run(name)) for name in names), numeric=False)
    return [*_use(run, names), table]


def adapter_names(run: Run) -> list[str]:
    """Return the names of the runs of a run's adapters."""
    spec = run.spec
    assert isinstance(spec, AdaptersSpec)
    return list(spec.adapters)


def combined(run: Run) -> list[Block]:
    """Return of what an adapter was made, how, and how far it is from their sum."""
    spec = run.spec
    assert isinstance(spec, CombineSpec)
    away = (run.metrics.get("combination") or {}).get("distance")
    items = [
        ("of", ", ".join(spec.adapters)),
        ("weights", ", ".join(f"{share:.3g}" for share in spec.shares)),
        ("how", spec.combine),
        ("density", "" if spec.density is None else f"{spec.density:g}"),
        ("rank", str(spec.r)),
        ("away from the weighted sum", "" if away is None else words.percent(away)),
    ]
    shown = tuple((name, value) for name, value in items if value)
    return [Facts("An adapter made of several", shown)]


def _row(run: Run) -> tuple[str, ...]:
    sign, status = words.STATUS[run.status]
    step, best = run.last("step"), curve(run).best
    left = seconds_left(run) if run.is_alive else None
    return (
        run.name,
        f"{sign} {status}",
        f"{step['step']}/{step['max_steps']}" if step else "–",
        words.loss(best[1]) if best else "–",
        result(run.metrics),
        "–" if left is None else words.clock(left),
        words.size((run.metrics.get("adapter") or {}).get("bytes")),
    )


def _use(run: Run, names: list[str]) -> list[Block]:
    if not run.metrics:
        return []
    spec = run.spec
    assert isinstance(spec, AdaptersSpec)
    said = "Each is a run of its own, as if it had been trained alone."
    together = f"%optimize {spec.of(names[0]).model} --adapters {','.join(names)}"
    steps = (f'Ask one:  %generate {names[0]} "…"', f"Export them on one base:  {together}")
    return [Box("The adapters are trained", said, steps)]
