"""The commands that look after what is at hand: runs, models, targets, data sets, the demo."""

import json
import sys
from collections.abc import Callable
from typing import Any

from .. import api, catalog, report, translator
from ..errors import RunError
from ..flags import Parser, named, settings_of
from ..options.commands import data_options, runs_options, scaling_options
from ..run import Run, all_runs
from ..spec import FinetuneSpec


def add_commands(add: Callable[..., Parser]) -> None:
    """Add the commands; `add` makes one of a name, the function to call and a line of help."""
    runs_options(
        add("runs", _runs, "List the runs, show one (and follow it while it goes), or delete it.")
    )
    one = add("stop", _stop, "Ask a run to finish its step, save a checkpoint and end.")
    one.add_argument("name", help="Run to stop.")
    one = add("models", _models, "List the models that can be named, or fetch one.")
    one.add_argument("--fetch", metavar="NAME", help="Fetch this model into the cache.")
    one.add_argument("--accept", metavar="NAME", help="Accept the terms of this model.")
    scaling_options(
        add("scaling", _scaling, "Calculate what more nodes would do with a larger model.")
    )
    add("targets", _targets, "List what an exported model can run on, and what brings it.")
    data_options(add("data", _data, "List the data sets that can be named, or report on one."))
    one = add("job", _job, "Write the file that trains a run on Azure ML, Slurm or Kubernetes.")
    one.add_argument("kind", help="azureml, slurm or k8s.")
    one.add_argument("run", help="Run that is not done; labkit finetune --prepare makes one.")
    one.add_argument("--processes", type=int, help="Processes there, one for each GPU.")
    one = add(
        "olive",
        _olive,
        "Carry out a command of Olive, or explain it with --explain.",
        add_help=False,
        prefix_chars="\0",  # all that follows is Olive's, options too
    )
    one.add_argument("words", nargs="*", help="As after olive; --map, --explain.")
    _add_made(add)
    one = add("demo", _demo, "Run the main job on the embedded default: model, data, ONNX.")
    one.add_argument("--name", default="demo", help="Name of the run (default: demo).")


def _add_made(add: Callable[..., Parser]) -> None:
    """Add the commands that write something to begin with."""
    one = add("untrained", _untrained, "Write a model's architecture with random weights.")
    one.add_argument("model", help="Whose architecture, as smollm2-135m.")
    one.add_argument("folder", help="Where to; empty, or not there yet.")
    one.add_argument("--seed", type=int, default=0, help="Of the weights (default: 0).")
    one.add_argument(
        "--config", type=json.loads, default={}, help="Changes, as '{\"num_hidden_layers\": 6}'."
    )
    one = add("labs", _labs, "Copy the course's notebooks to a folder: labkit labs copy.")
    one.add_argument("what", choices=("copy",), help="What to do with them.")
    one.add_argument("folder", nargs="?", default="labs", help="Where to (default: labs).")


def _runs(args: Any) -> None:  # noqa: ANN401 - argparse's
    if args.delete:
        _delete(args)
        return
    if args.show_code:
        print(repr(api.show_code(named(args.name))))
        return
    if not args.name:
        print(report.runs_table(all_runs()))
        return
    run = Run(args.name)
    if run.is_alive:
        api.attach(run)
    else:
        print(report.text(run))


def _delete(args: Any) -> None:  # noqa: ANN401 - argparse's
    found = api.deletion(args.name or "")
    if args.yes or _agrees(f"Delete {found}?", f"labkit runs --delete {found.name} --yes"):
        print(f"Deleted {api.delete(found.name)}.")


def _agrees(question: str, unasked: str) -> bool:
    if not sys.stdin.isatty():
        raise RunError(f"Nobody is here to answer: {question}", hint=f"Without asking: {unasked}")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _stop(args: Any) -> None:  # noqa: ANN401 - argparse's
    Run(args.name).stop()


def _models(args: Any) -> None:  # noqa: ANN401 - argparse's
    if args.accept:
        catalog.accept_terms(args.accept)
    if args.fetch:
        print(catalog.resolve_model(args.fetch, progress=report.progress_line))
    if not (args.accept or args.fetch):
        print(catalog.models_table())


def _scaling(args: Any) -> None:  # noqa: ANN401 - argparse's
    known = {name: getattr(args, name) for name in ("parameters", "nodes", "gbits")}
    print(repr(api.scaling(args.run, **known)))


def _targets(args: Any) -> None:  # noqa: ANN401 - argparse's
    from ..runtime.targets import targets_table

    print(targets_table())


def _data(args: Any) -> None:  # noqa: ANN401 - argparse's
    settings = settings_of(args, FinetuneSpec)
    print(repr(api.data_report(**settings)) if settings else catalog.data_table())


def _job(args: Any) -> None:  # noqa: ANN401 - argparse's
    print(api.job_file(args.kind, args.run, processes=args.processes))


def _olive(args: Any) -> None:  # noqa: ANN401 - argparse's
    shown = api.asked_of_olive(translator.asked(args.words), print)
    if shown is not None:
        print(repr(shown))


def _untrained(args: Any) -> None:  # noqa: ANN401 - argparse's
    print(catalog.untrained(args.model, args.folder, seed=args.seed, config=args.config))


def _labs(args: Any) -> None:  # noqa: ANN401 - argparse's
    from ..course import copy_labs

    copied = copy_labs(args.folder)
    print(
        f"{len(copied)} notebooks copied to {args.folder}; those that were there stay as they are."
    )
    print(f"Open them: jupyter lab {args.folder}")


def _demo(args: Any) -> None:  # noqa: ANN401 - argparse's
    from ..demo import demo

    print(demo(args.name))
