"""What magic, command and program call: fine-tune, resume, optimise, generate."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from . import catalog, data, launch, report
from .errors import RunError
from .files import write_text
from .run import Run, create, free_name, runs_folder
from .spec import FinetuneSpec, GenerateSpec, OptimizeSpec


def finetune(
    spec: FinetuneSpec | None = None,
    *,
    name: str | None = None,
    wait: bool = True,
    view: launch.View | None = None,
    **settings: Any,  # noqa: ANN401 - the fields of FinetuneSpec
) -> Run:
    """Fine-tune a model in a worker process and return its run.

    Args:
        spec: Settings; `settings` change single ones.
        name: Name of the run's folder; left out: `run-1`, `run-2`, …
        wait: Follow the run to its end; otherwise return at once.
        view: Who draws meanwhile; by default the notebook, or a line on standard error.
        settings: Fields of `FinetuneSpec`; `data` may also be a list of dicts, a DataFrame or
            a `datasets.Dataset`.

    Raises:
        SpecError, CatalogError, DataError: Something is wrong; no run was made.
        RunStopped, RunFailed: The run ended early; its folder keeps the record.
    """
    name = name or free_name("run")
    with _staged(settings) as ready:
        checked = _spec(spec, ready)
        if not data.is_hub_id(checked.data, Path(checked.data)):  # a hub is the worker's to ask
            data.load(checked)
        run = _create(name, checked, is_staged=ready is not settings)
    return _go(run, wait=wait, view=view)


class Answers(list[str]):
    """Answers, one a prompt; a notebook shows them as text."""

    def __repr__(self) -> str:
        return "\n".join(self)


@dataclass(frozen=True)
class Preview:
    """What a run would do, found out without a worker: its spec and its rows."""

    spec: FinetuneSpec
    """The settings, valid."""

    splits: data.Splits
    """The rows, read, rendered and split."""

    def __repr__(self) -> str:
        first, rows = self.splits.train[0], self.splits
        lines = [
            f"{rows.task} on {self.spec.data}: {len(rows.train)} rows to train on, "
            f"{len(rows.validation)} to validate, {len(rows.test)} to test.",
            *rows.notes,
            f"Labels: {', '.join(rows.labels)}." if rows.labels else "",
            f"Row {first.row}, as the model will see it (the loss is on what follows ⟶):",
            f"{first.prompt}⟶{first.completion}",
            "Nothing was trained. Leave out --dry-run to start.",
        ]
        return "\n".join(line for line in lines if line)


def preview(spec: FinetuneSpec | None = None, **settings: Any) -> Preview:  # noqa: ANN401
    """Check the settings, read the data and show the first example; train nothing."""
    with _staged(settings) as ready:
        checked = _spec(spec, ready)
        return Preview(checked, data.load(checked))


def load_data(
    rows: Any = "phrases",  # noqa: ANN401 - a name, a path or rows
    **settings: Any,  # noqa: ANN401 - the fields of FinetuneSpec
) -> data.Splits:
    """Return a data set as a run would see it: rendered by its template, split, checked."""
    return preview(data=rows, **settings).splits


def resume(name: str, *, wait: bool = True, view: launch.View | None = None) -> Run:
    """Go on with a run that was stopped, killed or has failed, from its last checkpoint.

    Raises:
        RunError: There is no such run, it is done, or it is still going.
    """
    run = Run(name)
    if run.status == "done":
        raise RunError(
            f"The run {run.name!r} is done; there is nothing to resume.",
            hint="Start a new run with more num_train_epochs or max_steps.",
        )
    return _go(run, wait=wait, view=view, resuming=True)


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
    return _go(_export_of(tuned, spec), wait=wait, view=view)


def generate(
    prompts: str | Sequence[str],
    *,
    run: str | Run,
    **settings: Any,  # noqa: ANN401 - the fields of GenerateSpec
) -> Answers:
    """Answer prompts with the base model, the tuned one or its ONNX export.

    Args:
        prompts: One text or several; each fills the run's template where it has one place.
        run: The run whose model answers, or a model's name for the base alone.
        settings: Fields of `GenerateSpec`: `source`, `max_new_tokens`, `temperature`, …

    Returns:
        One answer a prompt, without the prompt.
    """
    texts = (prompts,) if isinstance(prompts, str) else tuple(prompts)
    spec = GenerateSpec.from_mapping({"run": _model_of(run), "prompts": texts, **settings})
    with tempfile.TemporaryDirectory(prefix="labkit-") as folder:
        job = create("generate", "generate", spec, root=Path(folder))
        launch.start(job)
        launch.wait(job, report.SilentView())
        return Answers(str(event["text"]) for event in job.of("answer"))


def attach(run: Run, *, view: launch.View | None = None) -> Run:
    """Follow a run that is going, also one started elsewhere, or show how it ended."""
    return launch.wait(run, view or report.watcher())


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


def _model_of(run: str | Run) -> str:
    """Return a run's folder, or the name of a base model."""
    if isinstance(run, Run):
        return str(run.path)
    try:
        return str(Run(run).path)
    except RunError as error:
        try:
            catalog.check_model_name(run)
        except Exception:  # noqa: BLE001 - no model either: the run is what was meant
            raise error from None
        return run


def _go(run: Run, *, wait: bool, view: launch.View | None, resuming: bool = False) -> Run:
    launch.start(run, resume=resuming)
    return attach(run, view=view) if wait else run


@contextmanager
def _staged(settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give settings whose data is text: rows handed over as objects become files meanwhile."""
    rows = settings.get("data")
    if rows is None or isinstance(rows, str):
        yield settings
    elif isinstance(rows, Path):
        yield {**settings, "data": str(rows)}
    else:
        with tempfile.TemporaryDirectory(prefix="labkit-rows-") as folder:
            yield {**settings, "data": str(data.write_rows(rows, Path(folder)))}


def _spec(spec: FinetuneSpec | None, settings: dict[str, Any]) -> FinetuneSpec:
    """Return the valid spec; a model that cannot exist is an error before anything is made."""
    checked = FinetuneSpec.from_mapping({**(spec.as_dict() if spec else {}), **settings})
    catalog.check_model_name(checked.model)
    return _rehearsed(checked)


def _rehearsed(spec: FinetuneSpec) -> FinetuneSpec:
    """Return the spec with no more steps than LABKIT_MAX_STEPS, to try out a whole lab quickly."""
    most = os.environ.get("LABKIT_MAX_STEPS", "")
    if not most.isdigit():
        return spec
    return replace(spec, max_steps=min(int(most), spec.max_steps or int(most)))


def _create(name: str, spec: FinetuneSpec, *, is_staged: bool) -> Run:
    """Make the run's folder; rows that were objects in the notebook move into it."""
    if not is_staged or Path(spec.data).exists() is False:
        return create(name, "finetune", spec)
    rows = Path(spec.data)
    kept = runs_folder().resolve() / name / "data" / rows.name
    run = create(name, "finetune", replace(spec, data=str(kept)))
    copy = shutil.copytree if rows.is_dir() else shutil.copy
    kept.parent.mkdir()
    copy(rows, kept)
    return run
