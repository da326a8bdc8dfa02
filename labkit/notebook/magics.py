"""The magics: each reads its text, calls the library and shows the result."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from IPython.core.magic import (
    Magics,
    line_cell_magic,
    line_magic,
    magics_class,
    no_var_expand,
)
from IPython.display import display

from .. import api, catalog, panels, report, translator
from ..errors import SpecError
from ..flags import (
    adapters_settings_of,
    given,
    named,
    resumable,
    resuming,
    settings_of,
    sweep_settings_of,
)
from ..options import MAGICS
from ..run import Run, all_runs
from ..spec import (
    AdaptersSpec,
    EvaluateSpec,
    FinetuneSpec,
    GenerateSpec,
    MergeSpec,
    OptimizeSpec,
)
from .cells import read_cell, split_line
from .tensorboard import show_tensorboard

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
    """What a notebook can ask for; `%runs` and `%stop` look after what was asked."""

    @line_cell_magic
    @helpful
    def finetune(self, line: str, cell: str = "") -> Any:  # noqa: ANN401 - shown by IPython
        """Fine-tune; the options' help is put here below."""
        args = _read("finetune", line)
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
        self._follow(run, args)
        return None

    @line_cell_magic
    @helpful
    def plan(self, line: str, cell: str = "") -> api.Plan:
        """Plan; the options' help is put here below."""
        args = _read("plan", line)
        settings = read_cell(cell, self.shell.user_ns) | settings_of(args, FinetuneSpec)
        return api.plan(name=args.name, **settings)

    @line_cell_magic
    @helpful
    def find_lr(self, line: str, cell: str = "") -> None:
        """Find a learning rate; the options' help is put here below."""
        args = _read("find_lr", line)
        settings = read_cell(cell, self.shell.user_ns) | settings_of(args, FinetuneSpec)
        self._follow(api.find_lr(name=args.name, wait=False, **settings), args)

    @line_cell_magic
    @helpful
    def sweep(self, line: str, cell: str = "") -> Any:  # noqa: ANN401 - shown by IPython
        """Search; the options' help is put here below."""
        args = _read("sweep", line)
        settings = read_cell(cell, self.shell.user_ns) | sweep_settings_of(args)
        if args.panel:
            return panels.sweep(resumable(args.name, settings))
        if args.resume or args.join:
            go = api.resume_sweep if args.resume else api.join_sweep
            run = go(resumable(args.name, settings), wait=False)
        else:
            run = api.sweep(name=args.name, wait=False, **settings)
        self._follow(run, args)
        return None

    @line_magic
    @helpful
    def optimize(self, line: str) -> Any:  # noqa: ANN401 - shown by IPython
        """Export; the options' help is put here below."""
        args = _read("optimize", line)
        if args.panel:
            return panels.optimize(args.run)
        settings = settings_of(args, OptimizeSpec, skip=("run",)) | given(args, "fault")
        _watch(api.optimize(args.run, wait=False, **settings), args)
        return None

    @line_magic
    @helpful
    def adapters(self, line: str) -> None:
        """Combine or measure; the options' help is put here below."""
        args = _read("adapters", line)
        do = api.cross_evaluate if args.evaluate else api.combine
        run = do(args.adapters, name=args.name, wait=False, **adapters_settings_of(args))
        self._follow(run, args)

    @line_magic
    @helpful
    def merge(self, line: str) -> None:
        """Merge; the options' help is put here below."""
        args = _read("merge", line)
        _watch(api.merge(args.run, wait=False, **settings_of(args, MergeSpec, ("run",))), args)

    @line_magic
    @helpful
    def evaluate(self, line: str) -> None:
        """Measure; the options' help is put here below."""
        args = _read("evaluate", line)
        settings = settings_of(args, EvaluateSpec, skip=("run",))
        variables = self.shell.user_ns
        wait = not args.background
        run = api.evaluate(args.run, name=args.name, namespace=variables, wait=wait, **settings)
        variables["evaluation"] = run

    @line_cell_magic
    @helpful
    def generate(self, line: str, cell: str = "") -> api.Answers:
        """Answer; the options' help is put here below."""
        args = MAGICS["generate"]().parse_intermixed_args(split_line(line))
        prompts = [text for text in cell.splitlines() if text.strip()]
        prompts = prompts or [" ".join(args.prompt)] * bool(args.prompt)
        if not prompts:
            raise SpecError(
                "There is no prompt.",
                hint=f"%generate {args.run} PROMPT, or a %%generate cell with one a line.",
            )
        settings = settings_of(args, GenerateSpec, skip=("run", "prompts"))
        return api.generate(prompts, run=args.run, view=report.answers_view(), **settings)

    @line_cell_magic
    @helpful
    def data(self, line: str, cell: str = "") -> Any:  # noqa: ANN401 - shown by IPython
        """Report on rows; the options' help is put here below."""
        args = _read("data", line)
        settings = read_cell(cell, self.shell.user_ns) | settings_of(args, FinetuneSpec)
        return panels.data(**settings) if args.panel else api.data_report(**settings)

    @line_magic
    @helpful
    def rate(self, line: str) -> Any:  # noqa: ANN401 - shown by IPython
        """Rate; the options' help is put here below."""
        args = _read("rate", line)
        if args.read is not None:
            return api.ratings(*(args.read or [api.latest_rating(args.run)]))
        return api.rate(args.run, n=args.n, raters=args.raters)

    @line_magic
    @helpful
    def diagnose(self, line: str) -> api.ShownDiagnosis:
        """Diagnose; the options' help is put here below."""
        args = _read("diagnose", line)
        return api.diagnose(
            args.run, try_change=args.try_change, learning_curve=args.learning_curve
        )

    @line_magic
    @helpful
    def scaling(self, line: str) -> api.ShownScaling:
        """Scale on paper; the options' help is put here below."""
        args = _read("scaling", line)
        return api.scaling(args.run, parameters=args.parameters, nodes=args.nodes, gbits=args.gbits)

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
        args = _read("runs", line)
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

    def _follow(self, run: Run, args: Any) -> None:  # noqa: ANN401 - argparse's
        """Bind the run to a variable, under its name or as `run`, and watch it."""
        # Bound before it ends: a stopped run keeps its variable.
        self.shell.user_ns[run.name if run.name.isidentifier() else "run"] = run
        if isinstance(run.spec, AdaptersSpec):
            trained = {name: Run(name) for name in run.spec.adapters if name.isidentifier()}
            self.shell.user_ns.update(trained)
        _watch(run, args)


def _read(magic: str, line: str) -> Any:  # noqa: ANN401 - argparse's
    return MAGICS[magic]().parse_args(split_line(line))


def _watch(run: Run, args: Any) -> None:  # noqa: ANN401 - argparse's
    if not args.background:
        api.attach(run)


# argparse is the one source of the options, so it writes the help of `%finetune?` as well.
for _name, _options in MAGICS.items():
    getattr(LabMagics, _name).__doc__ = _options().format_help()
