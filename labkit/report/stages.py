"""The stages of a run as a block: what it went through and what each took."""

from ..run import Run
from . import words
from .blocks import Block, Table


def stages(run: Run) -> list[Block]:
    """Return the stages that a run went through and what each took."""
    seen: dict[str, float] = {}
    for event in run.of("stage"):
        seen.setdefault(str(event.get("name")), event["time"])
    if not seen or run.metrics.get("seconds"):  # its own seconds are shown with the results
        return []
    ends = [*list(seen.values())[1:], run.events()[-1]["time"]]
    rows = tuple(
        (name, words.seconds(end - start))
        for (name, start), end in zip(seen.items(), ends, strict=True)
    )
    return [Table("Stages", ("stage", "seconds"), rows)]
