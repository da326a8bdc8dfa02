"""The panel of a search: its trials as they come, the best so far, what matters."""

from typing import Any

from .. import api
from ..errors import RunError
from ..run import Run, as_run
from ..search import root_of, searched
from .follow import RunPanel
from .pieces import button, copyable


class SweepPanel(RunPanel):
    """A search as it goes on, wherever it was started and by however many processes.

    Args:
        run: The search, one of the processes that joined it, or the name of either.

    Raises:
        RunError: There is no such run, or it is no search.
    """

    def __init__(self, run: str | Run) -> None:
        found = root_of(as_run(run))
        if found.job != "sweep":
            raise RunError(
                f"The run {found.name!r} is no search but a run of {found.job}.",
                hint=f"See it with %runs {found.name} --panel.",
            )
        super().__init__(found)
        self.root.children = (*self.root.children, self._equivalents())

    def join(self) -> None:
        """Let one more process work on the search."""
        self.say("")
        self.attempt(lambda: api.join_sweep(self.run.name, wait=False))

    def _controls(self) -> Any:  # noqa: ANN401 - a widget
        found = super()._controls()
        tip = "Let one more process of this machine work on the search."
        self._join = button("Add a process", tip, self.join)
        found.children = (*found.children, self._join)
        return found

    def _offer(self, status: str) -> None:
        super()._offer(status)
        self._join.layout.display = "" if status == "running" else "none"

    def _equivalents(self) -> Any:  # noqa: ANN401 - a widget
        """Return the cell and the command that search the same."""
        from ipywidgets import Accordion, VBox

        name, text = self.run.name, searched(self.run).to_yaml(changed_only=True)
        command = f"# the settings of the cell, saved as {name}.yaml:\nlabkit sweep {name}.yaml"
        cell = copyable("cell", f"%%sweep {name}\n{text}")
        return Accordion(
            [VBox([cell, copyable("command", f"{command} --name {name}")])],
            titles=("The same search as a cell and as a command",),
        )
