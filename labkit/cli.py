"""The command line: the same specs, runs and words as the notebook."""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from . import __version__, api, catalog, report, serve
from .errors import LabError, RunError
from .flags import Parser, add_settings, read_settings, resumable, settings_of
from .options import (
    data_options,
    evaluate_options,
    merge_options,
    optimize_options,
    rate_options,
    runs_options,
    serve_options,
    verify_options,
)
from .run import Run, all_runs
from .spec import EvaluateSpec, FinetuneSpec, GenerateSpec, MergeSpec, OptimizeSpec, ServeSpec


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `labkit …` and exit: 0 done, 1 a `LabError` (two lines on standard error), 130 ^C."""
    try:
        args = parser().parse_args(arguments)
        args.command(args)
    except LabError as error:
        print("\n".join(error._render_traceback_()), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def parser() -> Parser:
    """Return the whole command line."""
    top = Parser(prog="labkit", description="Fine-tune, evaluate and export small language models.")
    top.add_argument("--version", action="version", version=f"labkit {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)

    def add(name: str, command: Callable[[Any], None], text: str) -> Parser:
        made: Parser = commands.add_parser(name, help=text, description=text)
        made.set_defaults(command=command)
        return made

    _add_finetune(add("finetune", _finetune, "Fine-tune a model as a YAML file and flags say."))
    _add_spec(add("find_lr", _find_lr, "Find a learning rate on a run's own rows."))
    optimize_options(
        add("optimize", _optimize, "Turn a tuned model into ONNX, check it and measure it.")
    )
    evaluate_options(add("evaluate", _evaluate, "Measure a tuned model beside others."))
    merge_options(add("merge", _merge, "Fold what a run learned into its base model's weights."))
    rate_options(add("rate", _rate, "Make a form for people to rate answers, or read filled ones."))
    _add_generate(add("generate", _generate, "Answer prompts with a run's model, or a base model."))
    serve_options(add("serve", _serve, "Answer as OpenAI's API does, with a run's exported model."))
    verify_options(add("verify", _verify, "Check an exported model here: files and answers."))
    runs_options(
        add("runs", _runs, "List the runs, show one (and follow it while it goes), or delete it.")
    )
    add("stop", _stop, "Ask a run to finish its step, save a checkpoint and end.").add_argument(
        "name", help="Run to stop."
    )
    _add_models(add("models", _models, "List the models that can be named, or fetch one."))
    add("targets", _targets, "List what an exported model can run on, and what brings it.")
    data_options(add("data", _data, "List the data sets that can be named, or report on one."))
    one = add("demo", _demo, "Run the main job on the embedded default: model, data, ONNX.")
    one.add_argument("--name", default="demo", help="Name of the run (default: demo).")
    return top


def _add_finetune(one: Parser) -> None:
    _add_spec(one)
    one.add_argument("--dry-run", action="store_true", help="Check and show; train nothing.")
    one.add_argument("--resume", metavar="RUN", help="Go on with this run.")


def _add_spec(one: Parser) -> None:
    one.add_argument("file", nargs="?", help="YAML file with settings; flags win over it.")
    one.add_argument("--name", help="Name of the run.")
    add_settings(one, FinetuneSpec)


def _add_models(one: Parser) -> None:
    one.add_argument("--fetch", metavar="NAME", help="Fetch this model into the cache.")
    one.add_argument("--accept", metavar="NAME", help="Accept the terms of this model.")


def _add_generate(one: Parser) -> None:
    one.add_argument("run", help="Run that answers, or a base model's name.")
    one.add_argument("prompts", nargs="+", help="Prompts, each in quotes.")
    add_settings(one, GenerateSpec, skip=("run", "prompts"))


def _finetune(args: Any) -> None:  # noqa: ANN401 - argparse's
    settings = _settings(args)
    if args.dry_run:
        print(repr(api.preview(**settings)))
        return
    if args.resume:
        api.resume(resumable(args.resume, settings))
    else:
        api.finetune(name=args.name, **settings)


def _settings(args: Any) -> dict[str, Any]:  # noqa: ANN401 - argparse's
    """Return the settings of a YAML file and of flags, which win over it."""
    return (read_settings(args.file) if args.file else {}) | settings_of(args, FinetuneSpec)


def _find_lr(args: Any) -> None:  # noqa: ANN401 - argparse's
    api.find_lr(name=args.name, **_settings(args))


def _optimize(args: Any) -> None:  # noqa: ANN401 - argparse's
    api.optimize(args.run, **settings_of(args, OptimizeSpec, skip=("run",)))


def _evaluate(args: Any) -> None:  # noqa: ANN401 - argparse's
    settings = settings_of(args, EvaluateSpec, skip=("run",))
    api.evaluate(args.run, name=args.name, **settings)


def _merge(args: Any) -> None:  # noqa: ANN401 - argparse's
    api.merge(args.run, **settings_of(args, MergeSpec, skip=("run",)))


def _rate(args: Any) -> None:  # noqa: ANN401 - argparse's
    if args.read is not None:
        print(repr(api.ratings(*(args.read or [api.latest_rating(args.run)]))))
    else:
        print(repr(api.rate(args.run, n=args.n, raters=args.raters)))


def _generate(args: Any) -> None:  # noqa: ANN401 - argparse's
    settings = settings_of(args, GenerateSpec, skip=("run", "prompts"))
    api.generate(args.prompts, run=args.run, view=report.TextAnswers(sys.stdout), **settings)


def _serve(args: Any) -> None:  # noqa: ANN401 - argparse's
    say = partial(print, flush=True)
    serve.run(args.run, say=say, **settings_of(args, ServeSpec, skip=("run",)))


def _verify(args: Any) -> None:  # noqa: ANN401 - argparse's
    found = api.verify(args.run, args.precision)
    print(repr(found))
    if not found.ok:
        sys.exit(1)


def _runs(args: Any) -> None:  # noqa: ANN401 - argparse's
    if args.delete:
        _delete(args)
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


def _targets(args: Any) -> None:  # noqa: ANN401 - argparse's
    from .runtime.targets import targets_table

    print(targets_table())


def _data(args: Any) -> None:  # noqa: ANN401 - argparse's
    settings = settings_of(args, FinetuneSpec)
    print(repr(api.data_report(**settings)) if settings else catalog.data_table())


def _demo(args: Any) -> None:  # noqa: ANN401 - argparse's
    from .demo import demo

    print(demo(args.name))


if __name__ == "__main__":
    main()
