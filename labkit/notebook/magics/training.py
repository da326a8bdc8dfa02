"""The magics that train, or plan to."""

from typing import Any

from IPython.core.magic import line_cell_magic, magics_class

from ... import api, panels
from ...flags import (
    given,
    resumable,
    resuming,
    settings_of,
    sweep_settings_of,
)
from ...spec import FinetuneSpec
from ..cells import read_cell
from .shared import LabMagics, helpful, read_line


@magics_class
class TrainingMagics(LabMagics):
    """The magics that train, or plan to."""

    @line_cell_magic
    @helpful
    def finetune(self, line: str, cell: str = "") -> Any:  # noqa: ANN401 - shown by IPython
        """Fine-tune; the options' help is put here below."""
        args = read_line("finetune", line)
        settings = read_cell(cell, self.shell.user_ns) | settings_of(args, FinetuneSpec)
        settings |= given(args, "fault")
        if args.panel:
            panel = panels.finetune(**settings)
            panel.actions.name.value = args.name or panel.actions.name.value
            return panel
        if args.dry_run:
            return api.preview(**settings)
        if args.show_code:
            return api.show_code(**settings)
        if args.prepare:
            return api.prepare(name=args.name, **settings)
        if args.resume:
            run = api.resume(**resuming(args.name, settings), wait=False)
        else:
            run = api.finetune(name=args.name, wait=False, **settings)
        self.follow(run, args)
        return None

    @line_cell_magic
    @helpful
    def plan(self, line: str, cell: str = "") -> api.Plan:
        """Plan; the options' help is put here below."""
        args = read_line("plan", line)
        settings = read_cell(cell, self.shell.user_ns) | settings_of(args, FinetuneSpec)
        return api.plan(name=args.name, **settings)

    @line_cell_magic
    @helpful
    def find_lr(self, line: str, cell: str = "") -> None:
        """Find a learning rate; the options' help is put here below."""
        args = read_line("find_lr", line)
        settings = read_cell(cell, self.shell.user_ns) | settings_of(args, FinetuneSpec)
        self.follow(api.find_lr(name=args.name, wait=False, **settings), args)

    @line_cell_magic
    @helpful
    def sweep(self, line: str, cell: str = "") -> Any:  # noqa: ANN401 - shown by IPython
        """Search; the options' help is put here below."""
        args = read_line("sweep", line)
        settings = read_cell(cell, self.shell.user_ns) | sweep_settings_of(args)
        if args.panel:
            return panels.sweep(resumable(args.name, settings))
        if args.resume or args.join:
            go = api.resume_sweep if args.resume else api.join_sweep
            run = go(resumable(args.name, settings), wait=False)
        else:
            run = api.sweep(name=args.name, wait=False, **settings)
        self.follow(run, args)
        return None
