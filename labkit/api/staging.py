"""From what a person gave to a checked spec and a run's folder; rows as objects become files."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import catalog, data, faults, launch, report
from ..errors import RunError, SpecError
from ..run import Run, create, runs_folder
from ..spec import EvaluateSpec, FinetuneSpec, SweepSpec
from . import own_loss, reuse


@contextmanager
def staged(settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give settings whose data is text: rows handed over as objects become files meanwhile."""
    rows = settings.get("data")
    if rows is None or isinstance(rows, str):
        yield settings
    elif isinstance(rows, Path):
        yield {**settings, "data": str(rows)}
    else:
        with tempfile.TemporaryDirectory(prefix="labkit-rows-") as folder:
            yield {**settings, "data": str(data.write_rows(rows, Path(folder)))}


def checked_spec(spec: FinetuneSpec | None, settings: dict[str, Any]) -> FinetuneSpec:
    """Return the valid spec; a model that cannot exist is an error before anything is made."""
    if "adapters" in settings:
        raise SpecError(
            f"adapters goes with %%finetune; got {settings['adapters']!r:.60}.",
            hint="Leave it out here, and name the settings of one adapter.",
        )
    named = own_loss.named(own_loss.found(settings))
    checked = FinetuneSpec.from_mapping({**(spec.changed() if spec else {}), **named})
    catalog.check_model_name(checked.model)
    return rehearsed(checked)


def rehearsed(spec: FinetuneSpec) -> FinetuneSpec:
    """Return the spec with fewer steps, as LABKIT_PACE and LABKIT_MAX_STEPS ask of all runs."""
    spec, most = _paced(spec), most_steps()
    return spec if most is None else replace(spec, max_steps=min(most, spec.max_steps or most))


def _paced(spec: FinetuneSpec) -> FinetuneSpec:
    """Return the spec with LABKIT_PACE, a share up to 1, of its steps or passes."""
    try:
        share = min(1.0, float(os.environ.get("LABKIT_PACE", "1")))
    except ValueError:
        return spec
    if not 0 < share < 1:
        return spec
    if spec.max_steps is not None:
        return replace(spec, max_steps=max(1, round(share * spec.max_steps)))
    return replace(spec, num_train_epochs=share * spec.num_train_epochs)


def most_steps() -> int | None:
    """Return LABKIT_MAX_STEPS, or None where nothing is rehearsed."""
    most = os.environ.get("LABKIT_MAX_STEPS", "")
    return int(most) if most.isdigit() else None


def new_run(
    name: str,
    job: str,
    spec: FinetuneSpec | None,
    settings: dict[str, Any],
    *,
    fault: str | None = None,
) -> Run:
    """Make the folder of a run of checked settings whose rows can be read, or nothing at all."""
    with staged(settings) as ready:
        checked = checked_spec(spec, ready)
        fault = fault and faults.chosen(fault, job, checked)
        given = own_loss.found({"loss": checked.loss} | ready)
        function = own_loss.packed(checked, given)
        if not data.is_hub_id(checked.data, Path(checked.data)):  # a hub is the worker's to ask
            data.load(checked)
        run = create_run(name, job, checked, is_staged=ready is not settings)
        own_loss.keep(run, given, function)
        if fault:
            faults.mark(run.path, fault)
        return run


def create_run(
    name: str,
    job: str,
    spec: FinetuneSpec | EvaluateSpec | SweepSpec,
    *,
    is_staged: bool,
    root: Path | None = None,
) -> Run:
    """Make the run's folder; rows that were objects in the notebook move into it."""
    if not is_staged or spec.data is None or not Path(spec.data).exists():
        return create(name, job, spec, root=root)
    rows = Path(spec.data)
    kept = (root or runs_folder()).resolve() / name / "data" / rows.name
    run = create(name, job, _reading(spec, str(kept)), root=root)
    copy = shutil.copytree if rows.is_dir() else shutil.copy
    kept.parent.mkdir()
    copy(rows, kept)
    return run


def _reading(
    spec: FinetuneSpec | EvaluateSpec | SweepSpec, rows: str
) -> FinetuneSpec | EvaluateSpec | SweepSpec:
    """Return the spec with other rows."""
    if isinstance(spec, SweepSpec):
        return replace(spec, settings={**spec.settings, "data": rows})
    return replace(spec, data=rows)


def refuse_fault(fault: str | None, what: str) -> None:
    """Refuse a fault where there is no place for one.

    Raises:
        SpecError: One was asked for.
    """
    if fault:
        raise SpecError(
            f"A fault goes into one run or export, not into {what}; got {fault!r}.",
            hint="Leave it out here.",
        )


def require_unfinished(run: Run, to: str, hint: str, called: str = "run") -> None:
    """Refuse a run that is done.

    Args:
        run: The run.
        to: What was asked for, as `resume`.
        hint: What to do instead.
        called: What the run is.

    Raises:
        RunError: It is done.
    """
    if run.status == "done":
        problem = f"The {called} {run.name!r} is done; there is nothing to {to}."
        raise RunError(problem, hint=hint)


def go(run: Run, *, wait: bool, view: launch.View | None, resuming: bool = False) -> Run:
    """Start a run's worker and follow it, or return at once."""
    if resuming or not reuse.fetch(run):
        launch.start(run, resume=resuming)
    return attach(run, view=view) if wait else run


def attach(run: Run, *, view: launch.View | None = None) -> Run:
    """Follow a run that is going, also one started elsewhere, or show how it ended."""
    ended = launch.wait(run, view or report.watcher())
    reuse.keep(ended)
    return ended
