"""The last step of an export: each model's card, and the checksums that include it."""

from .. import report
from ..export import deploy
from ..files import write_text
from ..run import Run


def write_cards(run: Run) -> None:
    """Write the model card of every model of an export and close its folder with checksums."""
    for name in report.kept_models(run):
        folder = run.path / name
        write_text(folder / "README.md", report.export_card(run, name))
        deploy.seal(folder)
