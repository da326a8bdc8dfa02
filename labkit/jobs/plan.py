"""The job of planning a fine-tuning: rows, the forecast, probe steps where none were taken."""

from .. import catalog, training
from ..errors import RunError
from ..files import write_json
from ..report import plan_of
from ..run import Run
from ..spec import FinetuneSpec
from .job import Job, opened, write_environment
from .learning import head_labels, to_learn, tokens
from .planning import Planner


def plan(job: Job) -> str:
    """Data and plan; nothing is trained and no weights are kept."""
    spec = job.spec
    assert isinstance(spec, FinetuneSpec)
    splits, folder, tokenizer = opened(job, spec)
    job.notes(catalog.model_notes(spec.model, folder))
    rows, labels = tokens(job, splits, tokenizer, spec), head_labels(spec, splits)
    write_environment(job, splits.fingerprint)
    planner = Planner.of(job, folder, rows, len(labels), refuses=False)
    if planner.case is None:
        raise RunError(
            f"There is no plan for {spec.model} here: its files do not say all that is needed, or "
            "it will learn on a GPU.",
            hint="Start the run; its first steps say how long it takes.",
        )
    planner.begin()
    fitted, case = planner.spec, planner.case
    if case.source != "measured" and not planner.cannot_fit:
        job.emit("stage", name="probe steps", done=0, total=1)
        model = training.load_model(folder, fitted)
        learn = to_learn({"train": rows["train"]}, splits, fitted)["train"]
        measured = training.rehearse(
            model, tokenizer, learn, fitted, body=case.body.alone, output_dir=job.path,
            emit=job.emit, labels=labels,
        )  # fmt: skip
        planner.learned(measured)
    planner.finish()
    write_json(job.path / "metrics.json", {"plan": plan_of(Run(job.path))})
    return "done"
