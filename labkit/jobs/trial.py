"""One trial of a search: a fine-tuning on a base that is in memory, watched, judged, settled."""

import os
import shutil
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from .. import data, evaluation
from ..errors import LabError, RunFailed
from ..evaluation.kinds import Tokenizer
from ..files import write_json
from ..recorder import Recorder
from ..run import Run
from ..search import study as studies
from ..search.claims import STARTS, Claim, Claims, has_ended
from ..spec import FinetuneSpec
from .finetune import training_facts
from .job import Job, opened, write_environment
from .learning import tokens
from .trained import Start, trained

if TYPE_CHECKING:
    from ..training import SharedBase, TrainResult


@dataclass(frozen=True)
class Bench:
    """What a process has at hand for all its trials."""

    claims: Claims
    """The search."""

    base: "SharedBase"
    """The base model."""

    should_stop: Callable[[], bool]
    """Whether the process was asked to stop."""


def take(bench: Bench, claim: Claim) -> None:
    """Take a trial to its end, unless it is there already, and tell the study.

    A trial that is stopped stays open: whoever looks for work next goes on with it.
    """
    if not has_ended(claim.run):
        recorder = Recorder(claim.run.path)
        recorder.emit("end", **_attempted(bench, claim, recorder))
    if has_ended(claim.run):
        _settle(bench.claims, claim)


def _attempted(bench: Bench, claim: Claim, recorder: Recorder) -> dict[str, Any]:
    """Do the fine-tuning; return how it ended, in words whatever happened."""
    earlier = len(claim.run.of("start"))
    if earlier - len(claim.run.of("end")) >= STARTS:
        problem = f"The trial was begun {earlier} times, and its process was killed each time."
        return _failed(RunFailed(problem, "Leave such values out of search_space."))
    recorder.emit("start", pid=os.getpid(), resumed=earlier > 0)
    watch = Watch(bench, claim, recorder)
    job = Job(claim.run.path, claim.run.spec, watch.emit, watch.should_stop, earlier > 0)
    try:
        status = _trained(bench, job)
    except LabError as error:
        traceback.print_exc()
        return _failed(error)
    except Exception as error:  # noqa: BLE001 - one trial's failure is not the search's
        traceback.print_exc()
        bench.base.free()
        said = f"The trial failed with {type(error).__name__}: {str(error)[:300]}"
        return _failed(RunFailed(said, "The traceback is in the search's log.txt."))
    return {"status": status} | (watch.last_word if watch.pruned and status == "stopped" else {})


class Watch:
    """Records a trial's events, and gives the trial up where its validation loss lags behind."""

    def __init__(self, bench: Bench, claim: Claim, recorder: Recorder) -> None:
        self._bench, self._claim, self._recorder = bench, claim, recorder
        self.pruned = False

    def emit(self, kind: str, **values: Any) -> None:  # noqa: ANN401 - JSON values
        """Record an event; compare a validation with those of other trials."""
        self._recorder.emit(kind, **values)
        if kind == "eval" and self._claim.number is not None:
            self.pruned = self._lags_behind(self._claim.number)

    def should_stop(self) -> bool:
        """Return whether to end the trial now."""
        return self.pruned or self._bench.should_stop()

    @property
    def last_word(self) -> dict[str, Any]:
        """The end of a trial that was given up."""
        n = len(self._claim.run.of("eval"))
        problem = f"Given up after {n} validations: the loss lagged behind that of other trials."
        return {"pruned": True, "problem": problem, "hint": "Nothing is to be done."}

    def _lags_behind(self, number: int) -> bool:
        run, claims = self._claim.run, self._bench.claims
        seen, plan = run.of("eval"), run.last("plan") or {}
        losses = [float(event["eval_loss"]) for event in seen]
        lags = studies.lags_behind(claims.study, claims.spec, number, losses)
        return lags and seen[-1]["step"] < plan["max_steps"]  # the last one costs no more


def _trained(bench: Bench, job: Job) -> str:
    """Train on the shared base, judge on the validation rows."""
    spec = job.spec
    assert isinstance(spec, FinetuneSpec)
    splits, folder, tokenizer = opened(job, spec)
    rows = tokens(job, splits, tokenizer, spec)
    write_environment(job, splits.fingerprint)
    try:
        ready = partial(bench.base.ready, folder, spec)
        result, facts = trained(Start(job, splits, tokenizer, rows, ready))
        if result.status == "stopped":
            return "stopped"
        value = _judged(bench, job, splits, tokenizer, result)
    finally:
        bench.base.take_back()
    about = {"task": splits.task, "labels": list(splits.labels), "objective": value}
    write_json(job.path / "metrics.json", training_facts(job, result, facts) | about)
    return "done"


def _judged(
    bench: Bench, job: Job, splits: data.Splits, tokenizer: Tokenizer, result: "TrainResult"
) -> float:
    """Return what the trial is judged by, on the validation rows."""
    metric, spec = bench.claims.spec.metric_for_best_model, job.spec
    assert isinstance(spec, FinetuneSpec)
    if metric == "eval_loss" and spec.load_best_model_at_end and result.eval_loss is not None:
        return result.eval_loss
    if metric == "eval_loss":
        return float(Run(job.path).of("eval")[-1]["eval_loss"])
    found = evaluation.evaluate(
        bench.base.tuned.eval(),
        tokenizer,
        splits.validation,
        splits,
        spec.max_length,
        names=(metric,),
        answered=None,
        outputs=splits.labels if spec.head else (),
    )
    return float(found.metrics[metric].value)


def _settle(claims: Claims, claim: Claim) -> None:
    """Tell the study how a trial ended, and clear away what only a resumed one would need."""
    run = claim.run
    word = run.last("end") or {}
    shutil.rmtree(run.path / "checkpoints", ignore_errors=True)
    if claim.number is not None:
        value = run.metrics.get("objective") if word.get("status") == "done" else None
        studies.tell(claims.study, claim.number, value, pruned=bool(word.get("pruned")))


def _failed(error: LabError) -> dict[str, Any]:
    return {"status": "failed", **error.as_record()}
