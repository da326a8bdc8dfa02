"""Say what is wrong with a run, and try the change that is proposed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import launch, report
from ..run import Run, as_run, free_name
from ..spec import FinetuneSpec
from .finetune import finetune

if TYPE_CHECKING:
    from ..diagnosis import Diagnosis, Finding
    from ..diagnosis.tried import Trial


@dataclass(frozen=True)
class ShownDiagnosis:
    """A diagnosis that shows itself as text or as a page with its pictures."""

    diagnosis: "Diagnosis"

    trial: "Trial | None" = None
    """The run with the change, and whether it helped; None where none was asked for, or where no
    setting mends what was found."""

    @property
    def findings(self) -> "tuple[Finding, ...]":
        """What is wrong; nothing for a healthy run."""
        return self.diagnosis.findings

    def __repr__(self) -> str:
        return report.plain(report.diagnosis_blocks(self.diagnosis, self.trial)).rstrip()

    def _repr_html_(self) -> str:
        return report.fragment(report.diagnosis_blocks(self.diagnosis, self.trial))


def diagnose(
    run: str | Run, *, try_change: bool = False, view: launch.View | None = None
) -> ShownDiagnosis:
    """Say what is wrong with a fine-tuning and its exports, with the evidence and one change each.

    The record, the results and the rows are read; no model is loaded.

    Args:
        run: A fine-tuning, also one that failed.
        try_change: Make a run with the first change that is one of settings (`<run>-try-1`), and
            compare it with this one on the same rows.
        view: Who draws that run; by default the notebook, or a line on standard error.

    Raises:
        RunError: There is no such run.
        SpecError: The run is no fine-tuning.
        RunStopped, RunFailed: The run with the change ended early.
    """
    from ..diagnosis import diagnosed

    before = as_run(run)
    found = diagnosed(before)
    curable = [finding for finding in found.findings if finding.changes is not None]
    trial = _tried(before, curable[0], view) if try_change and curable else None
    return ShownDiagnosis(found, trial)


def _tried(before: Run, finding: "Finding", view: launch.View | None) -> "Trial":
    """Train with the change of a finding; a fault is not taken along."""
    from ..diagnosis import diagnosed
    from ..diagnosis.tried import tried

    assert isinstance(before.spec, FinetuneSpec)
    name = free_name(f"{before.path.name}-try")
    after = finetune(before.spec, name=name, view=view, **(finding.changes or {}))
    return tried(before, after, finding, diagnosed(after).names)
