"""From a tuned model to ONNX."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import faults, launch
from ..errors import RunError
from ..files import write_text
from ..run import TUNED, Run, as_run, create, runs_folder
from ..spec import FinetuneSpec, OptimizeSpec
from .adapters import refuse_unshareable
from .staging import go, refuse_fault


def optimize(
    run: str | Run,
    *,
    fault: str | None = None,
    wait: bool = True,
    view: launch.View | None = None,
    **settings: Any,  # noqa: ANN401 - the fields of OptimizeSpec
) -> Run:
    """Turn a tuned model into ONNX, check it against the tuned model and measure it.

    The result is a run of its own in the folder `<run>/onnx`, with a folder for each precision
    that passed; of another target it is `<run>/onnx-<target>`. Asked again for other precisions,
    that run goes on and keeps what it has. With `adapters` the run is `<base model>/onnx`. A
    `fault` (a name of `labkit.faults.FAULTS`, or `any`) spoils a new export on purpose.

    Raises:
        RunError: The run is not done, or all that is asked for is there.
        ExportError: The method cannot be exported, or the export disagrees with the tuned model.
    """
    spec = OptimizeSpec.from_mapping({"run": run.name if isinstance(run, Run) else run, **settings})
    if spec.adapters:
        runs = [(tuned, learned_by(tuned, "switch on")) for tuned in map(Run, spec.adapters)]
        refuse_unshareable(spec, runs)
        refuse_fault(fault, "several adapters")
        spec = replace(spec, adapters=tuple(tuned.name for tuned, _ in runs))
        return go(_opened(_base_folder(spec.run), spec), wait=wait, view=view)
    tuned = as_run(run)
    spec = replace(spec, run=tuned.name)
    _refuse(tuned, spec)
    if fault:
        return go(_spoiled(tuned, spec, fault), wait=wait, view=view)
    return go(_opened(tuned.path, spec), wait=wait, view=view)


def learned_by(tuned: Run, to: str) -> FinetuneSpec:
    """Return the settings of a model that writes and left what it learned; refuse any other run.

    Args:
        tuned: A run.
        to: What is to be done with it, for a sentence.

    Raises:
        RunError: It is no fine-tuning, has learned nothing yet, or learned embeddings.
    """
    spec = tuned.spec
    if not isinstance(spec, FinetuneSpec) or tuned.job not in TUNED or not is_whole(tuned):
        raise RunError(
            f"The run {tuned.name!r} has learned nothing to {to}; it is {tuned.status}.",
            hint=f"Finish it first: %finetune --resume {tuned.name}.",
        )
    if spec.embeds:
        raise RunError(
            f"The run {tuned.name!r} learned embeddings of an encoder, which there is no way to "
            f"{to}.",
            hint=f"%evaluate {tuned.name} measures it; its README.md shows how to load it.",
        )
    return spec


def is_whole(tuned: Run) -> bool:
    """Whether the folder of what a run learned is there: it appears when it is complete."""
    names = ("adapter_config.json", "config.json")
    return any((tuned.learned / name).exists() for name in names)


def folder_name(target: str) -> str:
    """Return what the folder of an export is called inside its run."""
    return "onnx" if target == "cpu" else f"onnx-{target}"


def _refuse(tuned: Run, spec: OptimizeSpec) -> None:
    """Refuse a run that cannot be exported, and an export that would change nothing."""
    from ..export import is_kept, refuse_unexportable

    refuse_unexportable(learned_by(tuned, "optimise"))
    path = tuned.path / folder_name(spec.target)
    if not (path / "spec.yaml").is_file():
        return
    earlier, asked = Run(path), " and ".join(spec.precision)
    if earlier.status != "done" or not _asks_the_same(earlier, spec):
        return
    if all(is_kept(path, name, tuned.learned) for name in spec.precision):
        raise RunError(
            f"The run {tuned.name!r} has an {asked} export already; that run is done.",
            hint=f"Look at it with %runs {earlier.name}, or delete the folder {path}.",
        )


def _asks_the_same(earlier: Run, spec: OptimizeSpec) -> bool:
    """Whether an earlier export was asked for with the same settings but for its precisions."""
    last = earlier.spec
    assert isinstance(last, OptimizeSpec)
    return replace(last, run=spec.run, precision=spec.precision) == spec


def _base_folder(model: str) -> Path:
    """Return the folder in the runs folder of what is made of a base model itself."""
    name = re.sub(r"[^a-z0-9._-]+", "-", Path(model).name.lower()).strip("-._")
    return runs_folder() / (name or "model")


def _spoiled(tuned: Run, spec: OptimizeSpec, fault: str) -> Run:
    """Return the run of a new export with a fault; one that is there stays as it is."""
    name = faults.chosen(fault, "optimize", learned_by(tuned, "optimise"))
    made = create(folder_name(spec.target), "optimize", spec, root=tuned.path)
    faults.mark(made.path, name)
    return made


def _opened(root: Path, spec: OptimizeSpec) -> Run:
    """Return the run of an export: a new one, or the earlier one of its target, to go on with."""
    name = folder_name(spec.target)
    if not (root / name / "spec.yaml").is_file():
        return create(name, "optimize", spec, root=root)
    earlier = Run(root / name)
    if earlier.is_alive:
        raise RunError(
            f"The run {earlier.name!r} is at work already.",
            hint=f"Look at it with %runs {earlier.name}, or stop it first.",
        )
    write_text(earlier.path / "spec.yaml", spec.to_yaml())
    return earlier
