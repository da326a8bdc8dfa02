"""The exports of a tuned run in one table: what is there, what each costs, which were accepted."""

from pathlib import Path

from ..run import Run
from . import words
from .blocks import Block, Lines, Table
from .ladder import ladder
from .merged import merged
from .rungs import apart, kept_models, ladder_of, metric_of, metric_title, verdict

HEADER = ("export", "verdict", "size", "per token", "KL")


def exports(run: Run) -> list[Block]:
    """Return the merged model and each export of a run, in one table and then in detail."""
    blocks = [
        block for file in run.path.glob("merged/spec.yaml") for block in merged(Run(file.parent))
    ]
    for made in exports_of(run):
        name = made.path.relative_to(run.path)
        blocks += [Lines(f"Export {name}", (), folded=False), *ladder(made)]
    return [*exported(run), *blocks]


def exports_of(run: Run) -> list[Run]:
    """Return the exports that a run has results of, one a target."""
    files = sorted(run.path.glob("onnx*/metrics.json"))
    found = [Run(file.parent) for file in files if (file.parent / "spec.yaml").is_file()]
    return [one for one in found if one.job == "optimize" and one.metrics.get("rungs")]


def exported(run: Run) -> list[Block]:
    """Return what a run was exported to; refused models are named, for they are not there."""
    rows = [row for made in exports_of(run) for row in _rows(made)]
    if not rows:
        return []
    title = next(filter(None, (metric_title(ladder_of(made)) for made in exports_of(run))), "")
    header = HEADER + ((title,) if title else ())
    shown = tuple(row if title else row[:-1] for row in rows)
    return [Table("Exported to ONNX", header, shown, note=accepted(run))]


def accepted(run: Run) -> str:
    """Return a sentence for each export of a run that was kept beyond its gate."""
    return " ".join(
        f"{_place(made, name)} is beyond its gate and was kept with --accept: "
        + " ".join(map(str, rung.get("reasons") or ("no reason is recorded.",)))
        for made in exports_of(run)
        for name, rung in ladder_of(made).rungs.items()
        if rung.get("verdict") == "accepted" and name in kept_models(made)
    )


def _rows(made: Run) -> list[tuple[str, ...]]:
    of, kept = ladder_of(made), kept_models(made)
    return [
        (
            f"{_place(made, name)}{' ★' if name == of.chosen else ''}",
            verdict(rung),
            words.size(rung.get("size_bytes")),
            words.seconds((rung.get("latency") or {}).get("token_seconds")),
            apart(rung, "kl"),
            metric_of(rung),
        )
        for name, rung in of.rungs.items()
        if name in kept or rung.get("verdict") == "refused"
    ]


def _place(made: Run, name: str) -> str:
    return (Path(made.path.name) / name).as_posix()
