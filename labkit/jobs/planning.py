"""A run's plan: what it will need, before anything is loaded and again once it was measured."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import machine, report
from ..data import Tokens
from ..errors import SpecError
from ..files import write_json, write_text
from ..report import words
from ..report.planned import PLAN
from ..run import Run
from ..spec import FinetuneSpec
from ..training import forecast
from .job import Job

if TYPE_CHECKING:
    from torch import nn

    from ..training import How


class Planner:
    """Foresees a run, writes its plan, refuses what cannot fit, and fits it to a budget.

    Args:
        job: The run; its settings may change to stay within a budget.
        case: What the forecast is made of; None where the model's files do not say enough.
        refuses: Whether a run that cannot fit is an error.
    """

    def __init__(self, job: Job, case: forecast.Case | None, *, refuses: bool = True) -> None:
        self.job, self.case = job, None if job.resume else case
        self._refuses = refuses and not self.spec.force
        self._changes: list[str] = []

    @classmethod
    def of(
        cls,
        job: Job,
        folder: Path,
        rows: Mapping[str, Sequence[Tokens]],
        n_labels: int,
        *,
        refuses: bool = True,
    ) -> "Planner":
        """Return the planner of a run whose rows are known; on a GPU nothing is foreseen."""
        import torch

        assert isinstance(job.spec, FinetuneSpec)
        is_here = not torch.cuda.is_available()
        case = forecast.Case.known(job.spec, rows, folder, n_labels) if is_here else None
        return cls(job, case, refuses=refuses)

    @property
    def spec(self) -> FinetuneSpec:
        """The settings, fitted to the budget."""
        assert isinstance(self.job.spec, FinetuneSpec)
        return self.job.spec

    @property
    def cannot_fit(self) -> bool:
        """Whether memory will not suffice even where the forecast is too high."""
        return self.case is not None and forecast.forecast(self.case).cannot_fit

    def begin(self) -> None:
        """Plan before anything is loaded.

        Raises:
            SpecError: The run cannot fit into memory, or not into its budget.
        """
        if self.case is not None:
            self._fit_memory(self.case)
            self._tell()

    def measure(self, model: "nn.Module", how: "How", rows: Sequence[Tokens]) -> FinetuneSpec:
        """Plan once more with a model that is ready, after probe steps where there were none.

        Raises:
            SpecError: As of `begin`.
        """
        if self.case is not None and self.case.source != "measured":
            from ..training.forecast.probe import probe

            self.learned(probe(model, rows, self.spec, how, self.case.body))
        self.finish()
        return self.spec

    def learned(self, measured: forecast.Calibration) -> None:
        """Go on with what probe steps measured."""
        assert self.case is not None
        forecast.remember(self.spec, measured)
        self.case = replace(self.case, measured=measured, measured_on=self.spec)

    def finish(self) -> None:
        """Plan once more with all that is known; fit the time.

        Raises:
            SpecError: As of `begin`.
        """
        if self.case is not None:
            self._fit_time(self.case)
            self._tell()

    def _tell(self) -> None:
        """Record the plan; refuse the run if it cannot fit."""
        assert self.case is not None
        values = forecast.summary(self.case, self._changes)
        write_json(self.job.path / PLAN, values)
        self.job.emit("forecast", **values)
        if self._refuses and self.cannot_fit:
            raise SpecError(report.too_large(values["forecast"]), report.what_fits(values))

    def _fit_memory(self, case: forecast.Case) -> None:
        """Change settings until memory is within the budget, if there is one."""
        most, need = self.spec.budget_bytes, forecast.forecast(case).memory
        if most is None or need.high <= most:
            return
        options = forecast.lighter(case, most)
        if not options:
            raise SpecError(
                f"No settings near these fit into {words.size(most)}; they need about "
                f"{words.size(need.value)}.",
                hint="Give a larger budget, or another model.",
            )
        self._change(options[0].changes, f"To stay within {words.size(most)}")

    def _fit_time(self, case: forecast.Case) -> None:
        """Take as many steps as the budget has time for, if there is one."""
        most, need = self.spec.budget_seconds, forecast.forecast(case).seconds
        if most is None or need is None or need.value <= most:
            return
        steps = forecast.steps_within(case, most)
        if steps < 1:
            raise SpecError(
                f"Not one step fits into {words.seconds(most)}: loading, a step and measuring "
                f"take longer.",
                hint="Give a larger budget, or fewer held-out rows.",
            )
        self._change({"max_steps": steps}, f"To end within {words.seconds(most)}")

    def _change(self, changes: dict[str, Any], why: str) -> None:
        assert self.case is not None
        spec = forecast.changed(self.spec, changes)
        values = {name: (getattr(spec, name), getattr(self.spec, name)) for name in changes}
        said = ", ".join(f"{name} is {new} (was {old})" for name, (new, old) in values.items())
        self._changes.append(f"{why}, {said}.")
        self.job.notes(self._changes[-1:])
        self.job = replace(self.job, spec=spec)
        self.case = self.case.of(spec)
        write_text(self.job.path / "spec.yaml", spec.to_yaml())


def compared(planner: Planner, training: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was foreseen beside what was, as metrics.json has it; nothing without a plan.

    Nothing is compared either in a run that was resumed, whose time was not spent in one go.

    Args:
        planner: The planner of the run.
        training: What metrics.json says of the training.
    """
    run = Run(planner.job.path)
    found = report.plan_of(run).get("forecast")
    starts = run.of("start")
    if not found or len(starts) != 1:  # one that was resumed took other ways than were foreseen
        return {}
    peaks = [machine.peak_bytes(), *(event["bytes"] for event in run.of("resources"))]
    actual = {
        "memory": max(peaks),
        "training": training["seconds"],
        "seconds": time.time() - starts[0]["time"],
    }
    kept = {name: {**found[name], "actual": actual[name]} for name in actual if found[name]}
    planner.job.emit("plan_beside_actual", **kept)
    return {"plan": kept}
