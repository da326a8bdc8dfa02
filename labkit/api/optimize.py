"""From a tuned model to ONNX."""

from typing import Any

from .. import launch
from ..errors import RunError
from ..files import write_text
from ..run import Run, create
from ..spec import OptimizeSpec
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
        ExportError: The export disagrees with the tuned model.
    """
    tuned = run if isinstance(run, Run) else Run(run)
    if tuned.job != "finetune" or not (tuned.adapter / "adapter_config.json").exists():
        raise RunError(
            f"The run {tuned.name!r} has no adapter to optimise; it is {tuned.status}.",
            hint=f"Finish it first: %finetune --resume {tuned.name}.",
        )
    spec = OptimizeSpec.from_mapping({"run": tuned.name, **settings})
    return go(_export_of(tuned, spec), wait=wait, view=view)


def _export_of(tuned: Run, spec: OptimizeSpec) -> Run:
    """Return the run of an export: a new one, or one that was stopped or failed, once more."""
    folder = tuned.path / "onnx"
    if not (folder / spec.precision / "spec.yaml").exists():
        return create(spec.precision, "optimize", spec, root=folder)
    earlier = Run(folder / spec.precision)
    if earlier.is_alive or earlier.status == "done":
        raise RunError(
            f"The run {tuned.name!r} has an {spec.precision} export already; it is "
            f"{earlier.status}.",
            hint=f"Look at it with %runs {earlier.name}, or delete the folder {earlier.path}.",
        )
    write_text(earlier.path / "spec.yaml", spec.to_yaml())
    return earlier
