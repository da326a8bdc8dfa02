"""The magics: each reads its text, calls the library and shows the result."""

import contextlib
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class

from .. import api, catalog, report
from ..errors import SpecError
from ..flags import Parser, add_settings, resumable, settings_of
from ..run import Run, all_runs
from ..spec import FinetuneSpec, GenerateSpec, OptimizeSpec
from .cells import read_cell, split_line


def finetune_parser() -> Parser:
    """Return the options of `%%finetune`."""
    parser = Parser(prog="%%finetune", description="Fine-tune with the YAML settings in the cell.")
    parser.add_argument("name", nargs="?", help="Name of the run and of its variable.")
    parser.add_argument("--dry-run", action="store_true", help="Check and show; train nothing.")
    parser.add_argument("--background", action="store_true", help="Return at once.")
    parser.add_argument("--resume", action="store_true", help="Go on with the run of this name.")
    add_settings(parser, FinetuneSpec)
    return parser


def optimize_parser() -> Parser:
    """Return the options of `%optimize`."""
    parser = Parser(prog="%optimize", description="Turn a tuned model into ONNX, check, measure.")
    parser.add_argument("run", help="Run to optimise.")
    parser.add_argument("--background", action="store_true", help="Return at once.")
    add_settings(parser, OptimizeSpec, skip=("run",))
    return parser


def generate_parser() -> Parser:
    """Return the options of `%generate`."""
    parser = Parser(prog="%generate", description="Answer the prompt, or each line of the cell.")
    parser.add_argument("run", help="Run that answers, or a base model's name.")
    parser.add_argument("prompt", nargs="*", help="The prompt; in a cell, one a line.")
    add_settings(parser, GenerateSpec, skip=("run", "prompts"))
    return parser


P = ParamSpec("P")
R = TypeVar("R")


def helpful(magic: Callable[P, R]) -> Callable[P, R | None]:
    """Return a magic whose `--help` shows its text and does not ask the session to end."""

    @wraps(magic)
    def call(*args: P.args, **kwargs: P.kwargs) -> R | None:
        with contextlib.suppress(SystemExit):
            return magic(*args, **kwargs)
        return None

    return call


@magics_class
class LabMagics(Magics):
    """`%%finetune`, `%optimize`, `%generate`, `%runs`, `%stop`, `%models` and `%datasets`."""

    @line_cell_magic
    @helpful
    def finetune(self, line: str, cell: str = "") -> api.Preview | None:
        """Fine-tune; the options' help is put here below."""
        args = finetune_parser().parse_args(split_line(line))
        settings = read_cell(cell, self.shell.user_ns) | settings_of(args, FinetuneSpec)
        if args.dry_run:
            return api.preview(**settings)
        if args.resume:
            run = api.resume(resumable(args.name, settings), wait=False)
        else:
            run = api.finetune(name=args.name, wait=False, **settings)
        self._bind(run)  # before it ends: a stopped run keeps its variable
        if not args.background:
            api.attach(run)
        return None

    @line_magic
    @helpful
    def optimize(self, line: str) -> None:
        """Export; the options' help is put here below."""
        args = optimize_parser().parse_args(split_line(line))
        run = api.optimize(args.run, wait=False, **settings_of(args, OptimizeSpec, skip=("run",)))
        if not args.background:
            api.attach(run)

    @line_cell_magic
    @helpful
    def generate(self, line: str, cell: str = "") -> api.Answers:
        """Answer; the options' help is put here below."""
        args = generate_parser().parse_intermixed_args(split_line(line))
        prompts = [text for text in cell.splitlines() if text.strip()]
        prompts = prompts or [" ".join(args.prompt)] * bool(args.prompt)
        if not prompts:
            raise SpecError(
                "There is no prompt.",
                hint=f"%generate {args.run} PROMPT, or a %%generate cell with one a line.",
            )
        settings = settings_of(args, GenerateSpec, skip=("run", "prompts"))
        return api.generate(prompts, run=args.run, **settings)

    @line_magic
    def runs(self, line: str) -> Any:  # noqa: ANN401 - shown by IPython
        """List the runs, or attach to the one named: `%runs`, `%runs demo`."""
        if not (name := line.strip()):
            return report.runs_table(all_runs())
        api.attach(Run(name))
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

    def _bind(self, run: Run) -> None:
        """Put the run into the notebook's variables, under its name or as `run`."""
        self.shell.user_ns[run.name if run.name.isidentifier() else "run"] = run


# argparse is the one source of the options, so it writes the help of `%finetune?` as well.
LabMagics.finetune.__doc__ = finetune_parser().format_help()
LabMagics.optimize.__doc__ = optimize_parser().format_help()
LabMagics.generate.__doc__ = generate_parser().format_help()
