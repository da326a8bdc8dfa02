"""The job of training several adapters, one after another on one base model in memory."""

import gc
from functools import partial

from .. import machine, report
from ..errors import RunFailed, listed
from ..files import write_json
from ..run import Run
from ..spec import AdaptersSpec
from .attempt import attempt
from .finetune import finetune
from .job import Job
from .measuring import Lent


def several(job: Job) -> str:
    """Train each adapter that is not done, as the run that it is alone; none fails for another.

    Raises:
        RunFailed: Some adapters were not trained.
    """
    spec = job.spec
    assert isinstance(spec, AdaptersSpec)
    lent = Lent()
    runs = [Run(name) for name in spec.adapters]
    for done, run in enumerate(runs):
        job.emit("stage", name="adapters", done=done, total=len(runs))
        if run.status != "done" and _trained(job, run, lent) == "stopped":
            return "stopped"
    times = "once" if lent.base.n_loads == 1 else f"{lent.base.n_loads} times"
    job.notes([f"The base model was read from disk {times} for {len(runs)} adapters."])
    failed = [run.name for run in runs if run.status != "done"]
    if failed:
        raise RunFailed(
            f"{len(failed)} of {len(runs)} adapters failed: {listed(failed, 'and')}.",
            hint=f"Look at it with %runs {failed[0]}; --resume tries those again, the rest stays.",
        )
    write_json(job.path / "metrics.json", {"adapters": [run.name for run in runs]})
    report.write_report(Run(job.path))
    return "done"


def _trained(job: Job, run: Run, lent: Lent) -> str:
    """Train one adapter from where it was left; return how it ended."""
    (run.path / "stop").unlink(missing_ok=True)
    machine.begin_peak()
    asked = run.path / "stop"
    end = attempt(
        partial(finetune, lent=lent),
        run,
        lambda: job.should_stop() or asked.exists(),
        resume=run.last("start") is not None,
    )
    if end["status"] == "failed":
        lent.base.free()
    else:
        lent.base.take_back()
    gc.collect()
    machine.give_back_memory()
    return end["status"]
