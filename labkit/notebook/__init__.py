"""The Jupyter front: magics, completion, and how a run is shown there."""

from typing import Any

from .. import launch, report
from ..run import Run
from .completion import labkit_matcher
from .magics import CLASSES, MAGIC_METHODS


def load(shell: Any) -> None:  # noqa: ANN401 - IPython is not typed
    """Register the magics, their completion and the look of a run; warm up a worker."""
    shell.register_magics(*CLASSES)
    shell.Completer.custom_matchers.append(labkit_matcher)
    shell.display_formatter.mimebundle_formatter.for_type(Run, _bundle)
    launch.warm_up()


def unload(shell: Any) -> None:  # noqa: ANN401 - IPython is not typed
    """Take back all that `load` registered."""
    for kind in ("line", "cell"):
        for name in MAGIC_METHODS[kind]:
            shell.magics_manager.magics[kind].pop(name, None)
    if labkit_matcher in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.remove(labkit_matcher)
    shell.display_formatter.mimebundle_formatter.pop(Run, None)


def _bundle(run: Run, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ANN401
    return report.bundle(run)
