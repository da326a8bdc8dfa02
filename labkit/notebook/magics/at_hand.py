"""The magics that look after what is at hand: rows, runs, models, what was pasted."""

from dataclasses import replace
from typing import Any

from IPython.core.magic import line_cell_magic, line_magic, magics_class, no_var_expand
from IPython.display import display

from ... import api, catalog, panels, report, translator
from ...flags import (
    named,
    settings_of,
)
from ...run import Run, all_runs
from ...spec import FinetuneSpec
from ..cells import read_cell
from ..tensorboard import show_tensorboard
from .shared import LabMagics, helpful, read_line


@magics_class
class AtHandMagics(LabMagics):
    """The magics that look after what is at hand: rows, runs, models, what was pasted."""

    @line_cell_magic
    @helpful
    def data(self, line: str, cell: str = "") -> Any:  # noqa: ANN401 - shown by IPython
        """Report on rows; the options' help is put here below."""
        args = read_line("data", line)
        settings = read_cell(cell, self.shell.user_ns) | settings_of(args, FinetuneSpec)
        return panels.data(**settings) if args.panel else api.data_report(**settings)

    @no_var_expand
    @line_cell_magic
    def olive(self, line: str, cell: str = "") -> Any:  # noqa: ANN401 - shown by IPython
        """Carry out a command of Olive, or with `%%olive` a pasted block of shell.

        `--explain` shows what it comes to and runs nothing; `--map NAME=STAND-IN` takes another
        model, data set or file for a name. `%olive --help` has the commands.
        """
        words = translator.asked_line(line)
        return api.asked_of_olive(replace(words, text=cell) if cell.strip() else words, display)

    @line_magic
    def tensorboard(self, line: str) -> None:
        """Show a run's TensorBoard logs, or those of all runs: `%tensorboard tone`."""
        show_tensorboard(line.strip())

    @line_magic
    @helpful
    def runs(self, line: str) -> Any:  # noqa: ANN401 - shown by IPython
        """List the runs, or show one; the options' help is put here below."""
        args = read_line("runs", line)
        if args.show_code:
            return api.show_code(named(args.name))
        if args.panel:
            return panels.run(args.name) if args.name else panels.runs()
        if not args.name:
            return report.runs_table(all_runs())
        api.attach(Run(args.name))
        return None

    @line_magic
    def stop(self, line: str) -> None:
        """Ask a run to finish its step, save a checkpoint and end: `%stop demo`."""
        Run(line.strip()).stop()

    @line_magic
    def models(self, line: str) -> report.Plain:
        """List the models that can be named."""
        return report.Plain(catalog.models_table())

    @line_magic
    def datasets(self, line: str) -> report.Plain:
        """List the data sets that can be named."""
        return report.Plain(catalog.data_table())
