"""Commands and configurations of Olive, as the course has them, explained and carried out."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import launch, report
from ..errors import CatalogError, RunError
from ..run import Run, free_name, runs_folder
from ..spec import FinetuneSpec
from ..translator import (
    COMMANDS,
    Asked,
    Explanation,
    Understood,
    deliver,
    find_run,
    named_after,
    read,
    read_standins,
    remember,
    require_run,
    tuned_by,
)
from .adopt import adopt, is_adoptable
from .finetune import finetune
from .olive_export import olive_export
from .optimize import optimize
from .staging import attach
from .sweep import sweep


def explain_olive(text: str, *, map: Mapping[str, str] | None = None) -> Explanation:
    """Return what a command, a block of shell or the words after `olive` come to here; run nothing.

    Args:
        text: `olive finetune …`, several lines of shell, or the same without `olive`.
        map: Stand-ins by the name in the text; those of `[tool.labkit.olive.map]` in the nearest
            pyproject.toml count too.

    Raises:
        SpecError: Something in it is not known here.
    """
    return Explanation(_understood(text, map))


def olive(
    text: str,
    *,
    map: Mapping[str, str] | None = None,
    tell: Callable[[Explanation], None] | None = None,
    view: launch.View | None = None,
) -> list[Run]:
    """Carry out what `explain_olive` understands; return the runs in their order.

    What a run leaves is put into its `--output_path` as well, where the next command looks for it.

    Args:
        text: As for `explain_olive`.
        map: As for `explain_olive`.
        tell: Called with what each command comes to, before it is carried out.
        view: As for `labkit.finetune`.

    Raises:
        SpecError: Something is not known here, or a setting is wrong; nothing was run.
        RunStopped, RunFailed: A run ended early; those before it are done.
    """
    found: list[Run] = []
    for job in _understood(text, map):
        if tell is not None:
            tell(Explanation([job]))
        if job.spec is not None:
            found.append(carry_out(job, found[-1] if found else None, view=view))
    return found


def asked_of_olive(
    words: Asked, tell: Callable[[Explanation], None]
) -> Explanation | report.Plain | None:
    """Do what a line and its options ask for; return what is to be shown in the end."""
    first, _, rest = words.text.strip().partition(" ")
    if first == "export":
        return report.Plain(olive_export(rest.strip()))
    if words.explain or not first:
        return explain_olive(words.text, map=words.map)
    olive(words.text, map=words.map, tell=tell)
    return None


def carry_out(job: Understood, before: Run | None, *, view: launch.View | None = None) -> Run:
    """Do one job that is something to run; return its run.

    Args:
        job: The job.
        before: The run of the job before it.
        view: As for `labkit.finetune`.
    """
    try:
        run = _done(job, before, view)
    except CatalogError as error:
        raise CatalogError(error.problem, f"{error.hint}{_standin_hint(job)}") from error
    deliver(run, job.output)
    return run


def _done(job: Understood, before: Run | None, view: launch.View | None) -> Run:
    """Start a job's run, keep what it was translated from, and follow it."""
    if job.job == "optimize":
        run = optimize(**_export(job, before, view), wait=False)
    else:
        do = sweep if job.job == "sweep" else finetune
        run = do(name=_free(job.name), wait=False, **job.settings)
    remember(run, job.said, job.output)
    return attach(run, view=view)


def _export(job: Understood, before: Run | None, view: launch.View | None) -> dict[str, Any]:
    """Return what `optimize` is given: the run, or the base model and its adapters."""
    if job.follows and before is not None:
        return {**job.settings, "run": tuned_by(before).name}
    if not job.settings.get("adapters"):
        return {**job.settings, "run": _tuned(str(job.run), job.rows, view)}
    adapters = tuple(_tuned(path, job.rows, view) for path in job.settings["adapters"])
    spec = Run(adapters[0]).spec
    assert isinstance(spec, FinetuneSpec)
    return {**job.settings, "run": job.run or spec.model, "adapters": adapters}


def _tuned(path: str, rows: str | None, view: launch.View | None) -> str:
    """Return the run that left what a path names; a model from elsewhere is made one first."""
    found = find_run(path)
    if found is not None:
        return found
    if not is_adoptable(path):
        return require_run(path)  # says what is missing
    if rows is None:
        raise RunError(
            f"No run here left {path!r}, and what its export is compared on is not named.",
            hint=f"Name a data set: --map data=phrases, or first: labkit adopt {path} --data …",
        )
    return adopt(path, data=rows, name=_free(named_after(path)), view=view).name


def _standin_hint(job: Understood) -> str:
    model = job.settings.get("model", "")
    if "/" not in str(model) or Path(str(model)).exists():
        return ""
    return f" Or take a stand-in: --map {model}=smollm2-135m"


def _understood(text: str, standins: Mapping[str, str] | None) -> Sequence[Understood]:
    return read(_said(text), read_standins(standins or {}))


def _said(text: str) -> str:
    """Return a text as shell; the words after `olive` alone are one line of it."""
    first = text.split(maxsplit=1)[0] if text.strip() else "--help"
    return f"olive {text}" if first in (*COMMANDS, "--help") else text


def _free(name: str | None) -> str:
    """Return a name that no run has, after the folder that Olive would write."""
    if name is None:
        return free_name("olive")
    return free_name(name) if (runs_folder() / name).exists() else name
