"""Fine-tune, preview, resume."""

import os
import shlex
from dataclasses import dataclass
from html import escape
from typing import Any, cast

from .. import catalog, data, launch, report, sent
from ..run import Run, free_name
from ..spec import FinetuneSpec
from .plan import foreseen
from .several import each_settings, new_adapters
from .staging import checked_spec, go, new_run, refuse_fault, require_unfinished, staged


def finetune(
    spec: FinetuneSpec | None = None,
    *,
    name: str | None = None,
    fault: str | None = None,
    wait: bool = True,
    view: launch.View | None = None,
    **settings: Any,  # noqa: ANN401 - the fields of FinetuneSpec
) -> Run:
    """Fine-tune a model in a worker process and return its run.

    Args:
        spec: Settings; `settings` change single ones.
        name: Name of the run's folder; left out: `run-1`, `run-2`, …
        fault: Spoil the run on purpose: a name of `labkit.faults.FAULTS`, or `any` for one that
            nobody has chosen; its report says that there is a fault, not which.
        wait: Follow the run to its end; otherwise return at once.
        view: Who draws meanwhile; by default the notebook, or a line on standard error.
        settings: Fields of `FinetuneSpec`; `data` may also be a list of dicts, a DataFrame or
            a `datasets.Dataset`, and `loss` a function. With `adapters`, a mapping of names to
            changed settings, several runs of these names are trained on one base model in memory.

    Raises:
        SpecError, CatalogError, DataError: Something is wrong; no run was made.
        RunStopped, RunFailed: The run ended early; its folder keeps the record.
    """
    if "adapters" in settings:
        refuse_fault(fault, "several adapters")
        run = new_adapters(name or free_name("adapters"), spec, settings)
    else:
        run = new_run(name or free_name("run"), "finetune", spec, settings, fault=fault)
    return go(run, wait=wait, view=view)


@dataclass(frozen=True)
class Prepared:
    """A run that nobody has started yet, for a launcher of several processes or machines."""

    run: Run
    """The run; its folder is whole."""

    @property
    def command(self) -> str:
        """The command that trains it with Accelerate, on this machine."""
        processes = cast("FinetuneSpec", self.run.spec).processes
        folder = shlex.quote(os.path.relpath(self.run.path))
        return f"accelerate launch --num_processes {processes} -m labkit.worker {folder}"

    def __repr__(self) -> str:
        return (
            f"The run {self.run.name!r} is ready; nobody trains it yet. In this environment:\n\n"
            f"    {self.command}\n\n"
            "torchrun takes the same module; --resume at the end goes on from a checkpoint."
        )


def prepare(
    spec: FinetuneSpec | None = None,
    *,
    name: str | None = None,
    fault: str | None = None,
    **settings: Any,  # noqa: ANN401 - the fields of FinetuneSpec
) -> Prepared:
    """Write a run's folder and start nothing: a launcher trains it, see `Prepared.command`.

    The arguments are those of `finetune`.

    Raises:
        SpecError, CatalogError, DataError: Something is wrong; no run was made.
    """
    return Prepared(new_run(name or free_name("run"), "finetune", spec, settings, fault=fault))


@dataclass(frozen=True)
class Preview:
    """What a run would do, found out without a worker: its spec and its rows."""

    spec: FinetuneSpec
    """The settings, valid."""

    splits: data.Splits
    """The rows, read, rendered and split."""

    plan: dict[str, Any] | None = None
    """What it will need, as far as that is known without a worker; see `labkit.plan`."""

    def __repr__(self) -> str:
        rows = self.splits
        lines = [
            *catalog.model_notes(self.spec.model),
            f"{rows.task} on {self.spec.data}: {len(rows.train)} rows to train on, "
            f"{len(rows.validation)} to validate, {len(rows.test)} to test.",
            *rows.notes,
            f"Labels: {', '.join(rows.labels)}." if rows.labels else "",
            *self._first_row(),
            self._schedule().alt,
            *([report.plain(report.plan_blocks(self.plan)).strip()] if self.plan else []),
            "Nothing was trained. Leave out --dry-run to start.",
        ]
        return "\n".join(line for line in lines if line)

    def _first_row(self) -> list[str]:
        first = self.splits.train[0]
        if self.spec.embeds:
            return [f"Row {first.row}, as the encoder will read it:", data.sentence(first)]
        return [
            f"Row {first.row}, as the model will see it (the loss is on what follows ⟶):",
            f"{first.prompt}⟶{first.completion}",
            f"Rejected: {first.rejected.strip()}" if first.rejected else "",
        ]

    def _repr_html_(self) -> str:
        text = f'<pre style="white-space:pre-wrap">{escape(repr(self))}</pre>'
        plan = report.plan_blocks(self.plan) if self.plan else []
        return text + report.fragment([self._schedule(), *plan])

    def _schedule(self) -> report.Picture:
        return report.schedule_picture(self.spec, rows=len(self.splits.train))


@dataclass(frozen=True)
class Previews:
    """What a run of several adapters would do, one after another."""

    adapters: dict[str, Preview]
    """By the adapter's name."""

    def __repr__(self) -> str:
        return "\n\n".join(f"{name}\n{shown!r}" for name, shown in self.adapters.items())

    def _repr_html_(self) -> str:
        parts = self.adapters.items()
        return "".join(f"<h4>{escape(name)}</h4>{shown._repr_html_()}" for name, shown in parts)


def preview(spec: FinetuneSpec | None = None, **settings: Any) -> Preview | Previews:  # noqa: ANN401
    """Check the settings, read the data and show the first example; train nothing."""
    if "adapters" in settings:
        every = each_settings(spec, settings)
        return Previews({name: _preview(None, own) for name, own in every.items()})
    return _preview(spec, settings)


def _preview(spec: FinetuneSpec | None, settings: dict[str, Any]) -> Preview:
    with staged(settings) as ready:
        checked = checked_spec(spec, ready)
        splits = data.load(checked)
        return Preview(checked, splits, foreseen(checked, splits))


def load_data(
    rows: Any = "phrases",  # noqa: ANN401 - a name, a path or rows
    **settings: Any,  # noqa: ANN401 - the fields of FinetuneSpec
) -> data.Splits:
    """Return a data set as a run would see it: rendered by its template, split, checked."""
    return _preview(None, {"data": rows, **settings}).splits


def resume(
    name: str,
    *,
    wait: bool = True,
    view: launch.View | None = None,
    trust_remote_code: bool = False,
) -> Run:
    """Go on with a run that was stopped, killed or has failed, from its last checkpoint.

    Args:
        name: The run.
        wait: Follow the run to its end; otherwise return at once.
        view: As for `finetune`.
        trust_remote_code: Run a loss of one's own that somebody else wrote into the folder.

    Raises:
        RunError: There is no such run, it is done, or it is still going.
        RunFailed: Its own loss was not written here.
    """
    run = Run(name)
    hint = "Start a new run with more num_train_epochs or max_steps."
    require_unfinished(run, "resume", hint)
    if trust_remote_code:
        sent.trust(run.path)
    sent.check(run.path)
    return go(run, wait=wait, view=view, resuming=True)
