"""What ended a run early and how to go on; how to stop one that is going."""

from typing import Any

from ..run import Run
from .blocks import Block, Box
from .facts import place


def trouble(run: Run) -> list[Block]:
    """Return what ended the run early and what to do next; nothing for one that is done."""
    if run.status not in ("stopped", "failed"):
        return []
    step = run.last("step")
    at = f" at step {step['step']} of {step['max_steps']}" if step else ""
    end = run.last("start", "end")
    said = end if end and end["kind"] == "end" else {}
    problem = said.get("problem") or f"The run ended without a last word{at}."
    if run.status == "stopped":
        problem = (
            said.get("problem") or "The run was asked to stop and did; what it saved is whole."
        )
    error = said.get("error")
    title = f"Stopped{at}" if run.status == "stopped" else f"Failed{at}"
    title += f" ({error})" if error and run.status == "failed" else ""
    return [Box(title, str(problem), tuple(_next_steps(run, said.get("hint"))))]


def _next_steps(run: Run, hint: Any) -> list[str]:  # noqa: ANN401 - JSON value
    hints = [str(hint)] if hint else []
    if run.job == "finetune":
        saved = run.last("checkpoint")
        where = f"from step {saved['step']}" if saved else "from its beginning"
        hints.append(f"Go on {where}:  %finetune --resume {run.name}")
        hints.append(f"The same in a shell:  labkit finetune --resume {run.name}")
    if run.job == "adapters":
        hints.append(f"Go on, what is done stays:  %finetune {run.name} --resume")
        hints.append(f"The same in a shell:  labkit finetune --resume {run.name}")
    if run.job == "sweep":
        hints.append(f"Go on where it was:  %sweep {run.name} --resume")
        hints.append(f"The same in a shell:  labkit sweep --resume {run.name}")
    if run.status == "failed" and run.log:
        hints.append(f"The whole traceback is in {place(run) / 'log.txt'}.")
    return hints


def how_to_stop(run: Run) -> list[Block]:
    """Return how a run that is going can be stopped, and what is kept."""
    if run.status == "stopping":
        return []
    how = f"To stop: the ■ button, or %stop {run.name} in another cell."
    if run.job == "finetune":
        how += " The step in progress is finished and a checkpoint saved; the run can go on later."
    return [Box("", how, ())]
