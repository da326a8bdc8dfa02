"""The job of a search: trials until they are enough, then the best beside the default.

`join` is the same work by one more process, on this machine or another that sees the folder; what
comes after the trials is the search's own.
"""

import time
from pathlib import Path
from typing import Any

from .. import training
from ..run import Run
from ..search import BASELINE, best_of, searched, trials_of
from ..search import study as studies
from ..search.claims import Claim, Claims
from .concluding import conclude
from .job import Job
from .trial import Bench, take

PAUSE = 0.5
"""Seconds between two looks at trials that other processes work on."""


def sweep(job: Job) -> str:
    """Take trials, wait for those of other processes, compare the best with the default."""
    run = Run(job.path)
    claims = Claims(run, searched(run))
    if not _work(job, claims, waits=True):
        return "stopped"
    conclude(job, run, claims)
    return "done"


def join(job: Job) -> str:
    """Take trials of a search until there are none left."""
    host, began = Run(job.path.parents[1]), time.time()
    claims = Claims(host, searched(host))

    def should_stop() -> bool:
        """Tell whether this process or the whole search was asked to stop."""
        return job.should_stop() or _written(host.path / "stop") > began

    mine = Job(job.path, job.spec, job.emit, should_stop, job.resume)
    return "done" if _work(mine, claims, waits=False) else "stopped"


def _written(file: Path) -> float:
    """Return when a file was written, in seconds since 1970; 0 where it is not there."""
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _work(job: Job, claims: Claims, *, waits: bool) -> bool:
    """Take trials until there are none left; return False where it was asked to stop.

    Args:
        job: Whom to tell.
        claims: The trials.
        waits: Whether to wait for trials of other processes, to go on with any that they leave.
    """
    bench, told = Bench(claims, training.SharedBase(), job.should_stop), -1
    while not job.should_stop():
        if (ended := claims.n_ended) != told:
            job.emit("stage", name="trials", done=ended, total=claims.spec.total)
            told = ended
        with claims.next() as claim:
            if claim is not None:
                take(bench, claim)
                _tell(job, claims, claim)
        if claim is None:
            if not waits or not claims.is_open:
                return True
            time.sleep(PAUSE)
    return False


def _tell(job: Job, claims: Claims, claim: Claim) -> None:
    """Record what came of a trial, and which settings matter as far as can be said."""
    trials = trials_of(claims.sweep)
    trial = next(one for one in trials if one.run.path == claim.run.path)
    best = best_of(claims.spec, trials)
    name = "The default" if trial.name == BASELINE else f"Trial {trial.name}"
    value = (
        None if trial.value is None else f"{claims.spec.metric_for_best_model} {trial.value:.4f}"
    )
    mark = ", the best so far" if best is not None and best.number == trial.number else ""
    text = f"{name}: {value or trial.state}{mark}, {trial.seconds:.0f} s."
    found: dict[str, Any] = {"name": trial.name, "state": trial.state, "value": trial.value}
    job.emit("trial", **found, seconds=trial.seconds, text=text)
    job.emit("importance", **studies.importances(claims.study, claims.spec))
