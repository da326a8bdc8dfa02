"""From a tuned model to ONNX."""

from pathlib import Path
from typing import Any

from .. import launch
from ..errors import RunError
from ..files import write_text
from ..run import Run, create
from ..spec import FinetuneSpec, MergeSpec, OptimizeSpec
from .staging import go


def optimize(
    run: str | Run,
    *,
    wait: bool = True,
    view: launch.View | None = None,
    **settings: Any,  # noqa: ANN401 - the fields of OptimizeSpec
) -> Run:
    """Turn a tuned model into ONNX, check it against the tuned model and measure it.

    The result is a run of its own in the folder `<run>/onnx/<precision>`.

    Raises:
        RunError: The run is not done, or this export is already there.
        ExportError: The method cannot be exported, or the export disagrees with the tuned model.
    """
    from ..export import refuse_unexportable

    tuned = run if isinstance(run, Run) else Run(run)
    refuse_unexportable(learned_by(tuned, "optimise"))
    spec = OptimizeSpec.from_mapping({"run": tuned.name, **settings})
    export = once(tuned, spec.precision, "optimize", spec, tuned.path / "onnx")
    return go(export, wait=wait, view=view)


def learned_by(tuned: Run, to: str) -> FinetuneSpec:
    """Return the settings of a fine-tuning that left what it learned; refuse any other run."""
    spec = tuned.spec
    if not isinstance(spec, FinetuneSpec) or tuned.job != "finetune" or not is_whole(tuned):
        raise RunError(
            f"The run {tuned.name!r} has learned nothing to {to}; it is {tuned.status}.",
            hint=f"Finish it first: %finetune --resume {tuned.name}.",
        )
    return spec


def is_whole(tuned: Run) -> bool:
    """Whether the folder of what a run learned is there: it appears when it is complete."""
    names = ("adapter_config.json", "config.json")
    return any((tuned.learned / name).exists() for name in names)


def once(tuned: Run, name: str, job: str, spec: OptimizeSpec | MergeSpec, root: Path) -> Run:
    """Return the run in `root/name`: a new one, or one that was stopped or failed, once more."""
    if not (root / name / "spec.yaml").exists():
        return create(name, job, spec, root=root)
    earlier = Run(root / name)
    if earlier.is_alive or earlier.status == "done":
        what = "was merged" if job == "merge" else f"has an {name} export"
        raise RunError(
            f"The run {tuned.name!r} {what} already; that run is {earlier.status}.",
            hint=f"Look at it with %runs {earlier.name}, or delete the folder {earlier.path}.",
        )
    write_text(earlier.path / "spec.yaml", spec.to_yaml())
    return earlier
