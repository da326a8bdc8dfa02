"""What all magics share: their line read, help that ends nothing, a run bound and watched."""

import contextlib
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from IPython.core.magic import Magics

from ... import api
from ...options import MAGICS
from ...run import Run
from ...spec import AdaptersSpec
from ..cells import split_line

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


class LabMagics(Magics):
    """A group of labkit's magics; argparse is the one source of their options and their help."""

    def __init_subclass__(cls) -> None:
        for name, options in MAGICS.items():
            if name in cls.__dict__:
                cls.__dict__[name].__doc__ = options().format_help()

    def follow(self, run: Run, args: Any) -> None:  # noqa: ANN401 - argparse's
        """Bind the run to a variable, under its name or as `run`, and watch it."""
        # Bound before it ends: a stopped run keeps its variable.
        self.shell.user_ns[run.name if run.name.isidentifier() else "run"] = run
        if isinstance(run.spec, AdaptersSpec):
            trained = {name: Run(name) for name in run.spec.adapters if name.isidentifier()}
            self.shell.user_ns.update(trained)
        watch(run, args)


def read_line(magic: str, line: str) -> Any:  # noqa: ANN401 - argparse's
    """Return what a magic's line asks for."""
    return MAGICS[magic]().parse_args(split_line(line))


def watch(run: Run, args: Any) -> None:  # noqa: ANN401 - argparse's
    """Follow a run to its end, unless it was asked for in the background."""
    if not args.background:
        api.attach(run)
