"""Say what is wrong with a run."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import report
from ..run import Run

if TYPE_CHECKING:
    from ..diagnosis import Diagnosis, Finding


@dataclass(frozen=True)
class ShownDiagnosis:
    """A diagnosis that shows itself as text or as a page with its pictures."""

    diagnosis: "Diagnosis"

    @property
    def findings(self) -> "tuple[Finding, ...]":
        """What is wrong; nothing for a healthy run."""
        return self.diagnosis.findings

    def __repr__(self) -> str:
        return report.plain(report.diagnosis_blocks(self.diagnosis)).rstrip()

    def _repr_html_(self) -> str:
        return report.fragment(report.diagnosis_blocks(self.diagnosis))


def diagnose(run: str | Run) -> ShownDiagnosis:
    """Say what is wrong with a fine-tuning and its exports, with the evidence and one change each.

    The record, the results and the rows are read; no model is loaded.

    Args:
        run: A fine-tuning, also one that failed.

    Raises:
        RunError: There is no such run.
        SpecError: The run is no fine-tuning.
    """
    from ..diagnosis import diagnosed

    return ShownDiagnosis(diagnosed(run if isinstance(run, Run) else Run(run)))
