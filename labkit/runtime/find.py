"""Where an exported model lies: by the run it came from, by its own run, or by its folder."""

from pathlib import Path
from typing import Any

from ..catalog import model_entry
from ..errors import ExportError, RunError, SpecError, listed, near
from ..files import read_json
from ..run import Run, runs_folder
from ..spec.optimize import PRECISIONS


def find_model(named: str | Path | Run, precision: str | None = None) -> Path:
    """Return the folder of an exported model.

    Args:
        named: A run that was optimised, the run of its export, a model whose export carries
            adapters, or the folder of one exported model.
        precision: Which of a run's exports; left out: the one the ladder chose.

    Raises:
        RunError: There is no such run or export, or it was refused.
        SpecError: The precision is none, or the folder of one model was named with it.
    """
    if precision is not None and precision not in PRECISIONS:
        hint = near(precision, PRECISIONS, "Leave it out for the one the ladder chose.")
        raise SpecError(f"precision must be {listed(PRECISIONS)}; got {precision!r}.", hint)
    folder = Path(named) if not isinstance(named, Run) else named.path
    if (folder / "model.onnx").is_file():
        if precision is not None:
            raise SpecError(
                f"precision chooses among a run's exports, and {folder} is one model; "
                f"got {precision!r}.",
                hint="Leave precision out.",
            )
        return folder
    name = named.name if isinstance(named, Run) else str(named)
    exports = _exports(named, folder)
    kept = [one for one in PRECISIONS if (exports / one / "model.onnx").is_file()]
    return exports / _chosen(exports, name, kept, precision)


def _exports(named: str | Path | Run, folder: Path) -> Path:
    """Return the folder that holds a run's exports, one folder for each precision."""
    if any((folder / one).is_dir() for one in PRECISIONS):
        return folder
    shared = (runs_folder() / str(named) / "onnx").resolve()
    if not isinstance(named, Run) and (shared / "spec.yaml").is_file():
        return shared  # also of a base model with adapters, whose folder is no run itself
    run = named if isinstance(named, Run) else _run(str(named))
    return run.path if run.job == "optimize" else run.path / "onnx"


def _run(name: str) -> Run:
    try:
        return Run(name)
    except RunError:
        if Path(name).is_dir():
            hint = "Name a run, or the folder that holds model.onnx."
            raise ExportError(f"{name} holds no model.onnx.", hint) from None
        if model_entry(name):
            hint = f"Make it first: %optimize {name} --adapters RUN."
            raise RunError(f"{name!r} has no export with adapters.", hint) from None
        raise


def _chosen(exports: Path, name: str, kept: list[str], precision: str | None) -> str:
    """Return the precision to take: the one asked for, or the one the ladder chose."""
    found = _metrics(exports)
    if precision in kept:
        return str(precision)
    rung = found.get("rungs", {}).get(precision or "", {})
    if rung.get("verdict") == "refused":
        why = " ".join(rung.get("reasons", ()))
        hint = f"%optimize {_tuned(name)} --precision {precision} --accept keeps it nevertheless."
        raise RunError(f"The {precision} export of {name!r} was refused. {why}".strip(), hint)
    chosen = found.get("chosen", kept[-1] if kept else None)
    if precision is None and chosen in kept:
        return str(chosen)
    raise RunError(_missing(name, kept, precision), hint=_how(name, kept, precision))


def _missing(name: str, kept: list[str], precision: str | None) -> str:
    if not kept:
        return f"{name!r} has no {precision or 'ONNX'} export."
    if precision is None:
        return f"None of the exports of {name!r} was chosen; there is {listed(kept, 'and')}."
    return f"{name!r} has no {precision} export; there is {listed(kept, 'and')}."


def _how(name: str, kept: list[str], precision: str | None) -> str:
    if kept and precision is None:
        return f"Name one, for example precision={kept[-1]!r}."
    more = f" --precision {precision}" if precision else ""
    return f"Make it first: %optimize {_tuned(name)}{more}."


def _tuned(name: str) -> str:
    """Return the name to optimise again: that of an export without its last part."""
    head, _, tail = name.rpartition("/")
    return head if tail.startswith("onnx") else name


def _metrics(exports: Path) -> dict[str, Any]:
    file = exports / "metrics.json"
    try:
        return read_json(file)
    except ValueError as error:
        hint = "Optimise the run again, or name the precision's folder itself."
        raise ExportError(f"{file} cannot be read: {error}.", hint) from error
