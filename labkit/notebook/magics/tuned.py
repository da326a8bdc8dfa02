"""The magics for what was tuned: export, measure, merge, rate, answer, diagnose."""

from typing import Any

from IPython.core.magic import line_cell_magic, line_magic, magics_class

from ... import api, panels, report
from ...errors import SpecError
from ...flags import (
    adapters_settings_of,
    given,
    settings_of,
)
from ...options import MAGICS
from ...spec import AdoptSpec, EvaluateSpec, GenerateSpec, MergeSpec, OptimizeSpec
from ..cells import split_line
from .shared import LabMagics, helpful, read_line, watch


@magics_class
class TunedMagics(LabMagics):
    """The magics for what was tuned: export, measure, merge, rate, answer, diagnose."""

    @line_magic
    @helpful
    def optimize(self, line: str) -> Any:  # noqa: ANN401 - shown by IPython
        """Export; the options' help is put here below."""
        args = read_line("optimize", line)
        if args.panel:
            return panels.optimize(args.run)
        settings = settings_of(args, OptimizeSpec, skip=("run",)) | given(args, "fault")
        watch(api.optimize(args.run, wait=False, **settings), args)
        return None

    @line_magic
    @helpful
    def adapters(self, line: str) -> None:
        """Combine or measure; the options' help is put here below."""
        args = read_line("adapters", line)
        do = api.cross_evaluate if args.evaluate else api.combine
        run = do(args.adapters, name=args.name, wait=False, **adapters_settings_of(args))
        self.follow(run, args)

    @line_magic
    @helpful
    def adopt(self, line: str) -> None:
        """Adopt; the options' help is put here below."""
        args = read_line("adopt", line)
        settings = settings_of(args, AdoptSpec, skip=("folder",))
        self.follow(api.adopt(args.folder, name=args.name, wait=False, **settings), args)

    @line_magic
    @helpful
    def merge(self, line: str) -> None:
        """Merge; the options' help is put here below."""
        args = read_line("merge", line)
        watch(api.merge(args.run, wait=False, **settings_of(args, MergeSpec, ("run",))), args)

    @line_magic
    @helpful
    def evaluate(self, line: str) -> None:
        """Measure; the options' help is put here below."""
        args = read_line("evaluate", line)
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

    @line_magic
    @helpful
    def rate(self, line: str) -> Any:  # noqa: ANN401 - shown by IPython
        """Rate; the options' help is put here below."""
        args = read_line("rate", line)
        if args.read is not None:
            return api.ratings(*(args.read or [api.latest_rating(args.run)]))
        return api.rate(args.run, n=args.n, raters=args.raters)

    @line_magic
    @helpful
    def diagnose(self, line: str) -> api.ShownDiagnosis:
        """Diagnose; the options' help is put here below."""
        args = read_line("diagnose", line)
        return api.diagnose(
            args.run, try_change=args.try_change, learning_curve=args.learning_curve
        )

    @line_magic
    @helpful
    def scaling(self, line: str) -> api.ShownScaling:
        """Scale on paper; the options' help is put here below."""
        args = read_line("scaling", line)
        return api.scaling(args.run, parameters=args.parameters, nodes=args.nodes, gbits=args.gbits)
