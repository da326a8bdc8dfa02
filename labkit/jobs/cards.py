"""The last step of a job that leaves a model: results, card, report, and checksums of an export."""

from typing import Any

from .. import report
from ..export import deploy
from ..files import write_json, write_text
from ..run import Run
from .job import Job


def write_results(job: Job, found: dict[str, Any]) -> None:
    """Write what was measured of a tuned model, and its card and report."""
    write_json(job.path / "metrics.json", found)
    run = Run(job.path)
    report.write_card(run)
    report.write_report(run)


def write_cards(run: Run, tuned: Run | None = None) -> None:
    """Write the model card of every model of an export and close its folder with checksums.

    Args:
        run: The export's run, its results written.
        tuned: The run that was exported, whose own card names its exports.
    """
    for name in report.kept_models(run):
        folder = run.path / name
        write_text(folder / "README.md", report.export_card(run, name))
        deploy.seal(folder)
    if tuned is not None:
        report.write_card(tuned)
