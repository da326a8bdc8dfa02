"""Say what is wrong with a run, and try the change that is proposed."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .. import data, launch, report
from ..run import Run, as_run, free_name
from ..spec import FinetuneSpec
from ..spec.losses import loss_unit
from .finetune import finetune
from .sweep import sweep

if TYPE_CHECKING:
    from ..diagnosis import Diagnosis, Finding
    from ..diagnosis.subsets import LearningCurve
    from ..diagnosis.tried import Trial
    from ..report.blocks import Block


@dataclass(frozen=True)
class ShownDiagnosis:
    """A diagnosis that shows itself as text or as a page with its pictures."""

    diagnosis: "Diagnosis"

    trial: "Trial | None" = None
    """The run with the change, and whether it helped; None where none was asked for, or where no
    setting mends what was found."""

    curve: "LearningCurve | None" = None
    """What parts of the rows reach; None where it was not asked for."""

    @property
    def findings(self) -> "tuple[Finding, ...]":
        """What is wrong; nothing for a healthy run."""
        return self.diagnosis.findings

    def __repr__(self) -> str:
        return report.plain(self._blocks()).rstrip()

    def _repr_html_(self) -> str:
        return report.fragment(self._blocks())

    def _blocks(self) -> "list[Block]":
        return report.diagnosis_blocks(self.diagnosis, self.trial, self.curve)


def diagnose(
    run: str | Run,
    *,
    try_change: bool = False,
    learning_curve: bool = False,
    view: launch.View | None = None,
) -> ShownDiagnosis:
    """Say what is wrong with a fine-tuning and its exports, with the evidence and one change each.

    The record, the results and the rows are read; no model is loaded unless one of the two
    trainings below is asked for.

    Args:
        run: A fine-tuning, also one that failed.
        try_change: Make a run with the first change that is one of settings (`<run>-try-1`), and
            compare it with this one on the same rows.
        learning_curve: Train as the run did on an eighth, a quarter, a half and all of its rows
            (the search `<run>-rows-1`), and say whether more rows would help.
        view: Who draws those runs; by default the notebook, or a line on standard error.

    Raises:
        RunError: There is no such run, or it has too few rows for a learning curve.
        SpecError: The run is no fine-tuning.
        RunStopped, RunFailed: The run with the change ended early.
    """
    from ..diagnosis import diagnosed

    before = as_run(run)
    found = diagnosed(before)
    curable = [finding for finding in found.findings if finding.changes is not None]
    trial = _tried(before, curable[0], view) if try_change and curable else None
    curve = _curve(before, view) if learning_curve else None
    return ShownDiagnosis(found, trial, curve)


def _tried(before: Run, finding: "Finding", view: launch.View | None) -> "Trial":
    """Train with the change of a finding; a fault is not taken along."""
    from ..diagnosis import diagnosed
    from ..diagnosis.tried import tried

    assert isinstance(before.spec, FinetuneSpec)
    name = free_name(f"{before.path.name}-try")
    after = finetune(before.spec, name=name, view=view, **(finding.changes or {}))
    return tried(before, after, finding, diagnosed(after).names)


def _curve(run: Run, view: launch.View | None) -> "LearningCurve":
    """Train on parts of a run's rows; a fault is not taken along."""
    from ..diagnosis.subsets import curve_of, settings_of, subsets

    assert isinstance(run.spec, FinetuneSpec)
    sizes = subsets(len(data.load(replace(run.spec, limit=None, augment=None)).train))
    done = sweep(name=free_name(f"{run.path.name}-rows"), view=view, **settings_of(run, sizes))
    return curve_of(done, loss_unit(run.spec.loss))
