"""Who works on which trial: one process each, also where one was killed in the middle.

A process that works on a trial holds the lock of the trial's folder, and the lock ends with the
process. So a trial that the study calls running and nobody holds was left, and the next process
that looks for work goes on with it from its last checkpoint.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from ..errors import SpecError
from ..files import is_locked, locked
from ..run import Run, create
from ..spec import FinetuneSpec, SweepSpec
from . import study as studies
from .trials import BASELINE, TRIALS, is_recorded, trials_of

if TYPE_CHECKING:
    from optuna import Study

PATIENCE = 60.0
"""Seconds that another process may take to draw a trial."""

STARTS = 3
"""Times that a trial is begun; one that took its process down as often has failed."""


@dataclass(frozen=True)
class Claim:
    """A trial that this process alone works on."""

    run: Run
    """Its folder."""

    number: int | None
    """Its number in the study; None for the default."""


class Claims:
    """The trials of a search, for a process that works on it.

    Args:
        sweep: The search.
        spec: Its settings.
    """

    def __init__(self, sweep: Run, spec: SweepSpec) -> None:
        self.sweep, self.spec = sweep, spec
        self.study: Study = studies.open_study(sweep.path, spec)
        self._began = time.monotonic()

    @contextmanager
    def next(self) -> Iterator[Claim | None]:
        """Hold a trial that nobody works on inside the block; None where there is none now."""
        with ExitStack() as held:
            with locked(self.sweep.path / studies.FOLDER, patience=PATIENCE):
                claim = self._left() or self._new()
                if claim is not None:
                    held.enter_context(locked(claim.run.path))
            yield claim

    @property
    def is_open(self) -> bool:
        """Whether a trial was begun and has not ended: others are at work, or have just left it."""
        return bool(self._open())

    @property
    def n_ended(self) -> int:
        """Trials that have ended, whoever did them."""
        return sum(trial.state.is_finished() for trial in studies.trials(self.study))

    def is_out_of_time(self) -> bool:
        """Tell whether one more trial, as long as those before it, would end after the time."""
        if self.spec.seconds is None:
            return False
        took = [one.seconds for one in trials_of(self.sweep) if one.state in ("done", "pruned")]
        return time.monotonic() - self._began + (mean(took) if took else 0) > self.spec.seconds

    def _left(self) -> Claim | None:
        """Return a trial that was begun and that nobody works on any more."""
        for path in self._open():
            if not is_locked(path) and (claim := self._opened(path)) is not None:
                return claim
        return None

    def _new(self) -> Claim | None:
        """Return the default, then trials that nobody has begun."""
        baseline = self.sweep.path / BASELINE
        if not is_recorded(baseline):
            return self._opened(baseline)
        while len(studies.trials(self.study)) < self.spec.total and not self.is_out_of_time():
            number = studies.add_trial(self.study, self.spec)
            if (claim := self._opened(self._path(number))) is not None:
                return claim
        return None

    def _open(self) -> list[Path]:
        """Return the folders of all that was begun and has not ended."""
        baseline = self.sweep.path / BASELINE
        left = is_recorded(baseline) and not has_ended(Run(baseline))
        every = studies.trials(self.study)
        running = [self._path(one.number) for one in every if not one.state.is_finished()]
        return [baseline] * left + running

    def _path(self, number: int) -> Path:
        return self.sweep.path / TRIALS / f"{number:04d}"

    def _opened(self, path: Path) -> Claim | None:
        """Return a claim on a trial's folder, made where it is missing or was left half made.

        Values that do not go together are that trial's end: it has failed, and there is no claim.
        """
        number = None if path.name == BASELINE else int(path.name)
        if is_recorded(path):
            return Claim(Run(path), number)
        shutil.rmtree(path, ignore_errors=True)  # its process ended while it made the folder
        try:
            settings = self._settings(number)
        except SpecError:
            if number is None:
                raise
            studies.tell(self.study, number, None)
            return None
        return Claim(create(path.name, "finetune", settings, root=path.parent), number)

    def _settings(self, number: int | None) -> FinetuneSpec:
        if number is None:
            return self.spec.base
        return self.spec.trial(studies.trials(self.study)[number].params)


def has_ended(run: Run) -> bool:
    """Tell whether a trial's record ends: done, given up or failed, not stopped or killed."""
    word = run.last("start", "end") or {}
    is_over = word.get("status") in ("done", "failed") or word.get("pruned")
    return word.get("kind") == "end" and bool(is_over)
