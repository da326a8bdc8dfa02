"""The last step of an export: each model's card, and the checksums that include it."""

from .. import report
from ..export import deploy
from ..files import write_text
from ..run import Run


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
