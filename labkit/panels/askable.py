"""The models that can be asked about one fine-tuning: base, tuned, its exports, its neighbours."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import RunError
from ..report.exports import exports_of
from ..report.rungs import kept_models
from ..run import Run, all_runs
from ..runtime.folder import section
from ..spec import OptimizeSpec


@dataclass(frozen=True)
class Model:
    """One model that can be asked."""

    name: str
    """What it is called on the page."""

    run: Run
    """The run, or the export, that it is of."""

    source: str
    """`base`, `adapter`, or the precision of an export."""

    adapter: str | None = None
    """What is switched on, of an export that holds several adapters."""

    labels: tuple[str, ...] = ()
    """Labels that it can weigh, of a classification."""


def models_of(run: Run) -> list[Model]:
    """Return the models of a fine-tuning: base, tuned, the exports that were kept.

    Where it was put beside other adapters on one exported base, those and the base come last.
    """
    labels = labels_of(run)
    found = [Model("base", run, "base", labels=labels)]
    if run.learned.is_dir():
        found.append(Model("tuned", run, "adapter", labels=labels))
    for made in exports_of(run):
        target = made.path.name.partition("-")[2]
        found += [
            Model(f"{name} ({target})" if target else name, made, name, labels=labels)
            for name in kept_models(made)
        ]
    return [*found, *(model for made in shared_by(run) for model in _switched(made))]


def shared_by(run: Run) -> list[Run]:
    """Return the exports of a base model that hold what a run learned beside others."""
    return [
        made
        for made in all_runs()
        if made.job == "optimize" and run.path in [tuned.path for tuned in tuned_of(made)]
    ]


def tuned_of(made: Run) -> list[Run]:
    """Return the fine-tunings whose adapters an export holds, those that are still there."""
    names = made.spec.adapters if isinstance(made.spec, OptimizeSpec) else None
    return list(_there(names or ()))


def labels_of(run: Run) -> tuple[str, ...]:
    """Return the labels of a run that is a classification."""
    metrics = run.metrics
    is_labels = metrics.get("task") == "classification"
    return tuple(metrics.get("labels") or ()) if is_labels else ()


def _there(names: tuple[str, ...]) -> Iterator[Run]:
    for name in names:
        try:
            yield Run(name)
        except RunError:  # deleted since
            continue


def _switched(made: Run) -> list[Model]:
    """Return the exported base with none of its adapters and with each of them."""
    base = made.path.parent.name
    found: list[Model] = []
    for precision in kept_models(made):
        held: dict[str, Any] = section(made.path / precision, "adapters")
        found.append(Model(f"{base} {precision}", made, precision))
        found += [
            Model(f"{base} {precision} + {name}", made, precision, name, tuple(facts["labels"]))
            for name, facts in held.items()
        ]
    return found
