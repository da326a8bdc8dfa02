"""From a base model and what a run learned to one model."""

from typing import Any

from .. import launch
from ..run import Run
from ..spec import MergeSpec
from .optimize import learned_by, once
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

    tuned = run if isinstance(run, Run) else Run(run)
    refuse_unmergeable(learned_by(tuned, "merge"))
    spec = MergeSpec.from_mapping({"run": tuned.name, **settings})
    return go(once(tuned, "merged", "merge", spec, tuned.path), wait=wait, view=view)
