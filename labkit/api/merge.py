"""From a base model and what a run learned to one model."""

from typing import Any

from .. import launch
from ..errors import RunError
from ..files import write_text
from ..run import Run, as_run, create
from ..spec import MergeSpec
from .optimize import learned_by
from .staging import go


def merge(
    run: str | Run,
    *,
    wait: bool = True,
    view: launch.View | None = None,
    **settings: Any,  # noqa: ANN401 - the fields of MergeSpec
) -> Run:
    """Fold what a run learned into its base model's weights, and show that it answers the same.

    The result is a run of its own in the folder `<run>/merged`; its `model/` is in the form of
    Transformers.

    Raises:
        RunError: The run is not done, or it was merged already.
        ExportError: The method cannot merge, or the merged model answers differently.
    """
    from ..export import refuse_unmergeable

    tuned = as_run(run)
    refuse_unmergeable(learned_by(tuned, "merge"))
    spec = MergeSpec.from_mapping({"run": tuned.name, **settings})
    return go(_once(tuned, spec), wait=wait, view=view)


def _once(tuned: Run, spec: MergeSpec) -> Run:
    """Return the run of a merge: a new one, or one that was stopped or failed, once more."""
    if not (tuned.path / "merged" / "spec.yaml").exists():
        return create("merged", "merge", spec, root=tuned.path)
    earlier = Run(tuned.path / "merged")
    if earlier.is_alive or earlier.status == "done":
        raise RunError(
            f"The run {tuned.name!r} was merged already; that run is {earlier.status}.",
            hint=f"Look at it with %runs {earlier.name}, or delete the folder {earlier.path}.",
        )
    write_text(earlier.path / "spec.yaml", spec.to_yaml())
    return earlier
