"""The commands for what was tuned: export, measure, merge, rate, answer, serve, verify."""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from .. import api, report, serve
from ..flags import Parser, adapters_settings_of, add_settings, given, settings_of
from ..options.commands import (
    adapters_options,
    adopt_options,
    diagnose_options,
    evaluate_options,
    merge_options,
    optimize_options,
    rate_options,
    serve_options,
    verify_options,
)
from ..spec import AdoptSpec, EvaluateSpec, GenerateSpec, MergeSpec, OptimizeSpec, ServeSpec


def add_commands(add: Callable[..., Parser]) -> None:
    """Add the commands; `add` makes one of a name, the function to call and a line of help."""
    optimize_options(
        add("optimize", _optimize, "Turn a tuned model into ONNX, check it and measure it.")
    )
    evaluate_options(add("evaluate", _evaluate, "Measure a tuned model beside others."))
    merge_options(add("merge", _merge, "Fold what a run learned into its base model's weights."))
    adapters_options(
        add("adapters", _adapters, "Make one adapter of several, or measure each on all tasks.")
    )
    adopt_options(add("adopt", _adopt, "Make a run of a model that was trained elsewhere."))
    rate_options(add("rate", _rate, "Make a form for people to rate answers, or read filled ones."))
    diagnose_options(add("diagnose", _diagnose, "Say what is wrong with a run and what to change."))
    _add_generate(add("generate", _generate, "Answer prompts with a run's model, or a base model."))
    serve_options(add("serve", _serve, "Answer as OpenAI's API does, with a run's exported model."))
    verify_options(add("verify", _verify, "Check an exported model here: files and answers."))


def _add_generate(one: Parser) -> None:
    one.add_argument("run", help="Run that answers, or a base model's name.")
    one.add_argument("prompts", nargs="+", help="Prompts, each in quotes.")
    add_settings(one, GenerateSpec, skip=("run", "prompts"))


def _optimize(args: Any) -> None:  # noqa: ANN401 - argparse's
    settings = settings_of(args, OptimizeSpec, skip=("run",))
    api.optimize(args.run, **settings, **given(args, "fault"))


def _evaluate(args: Any) -> None:  # noqa: ANN401 - argparse's
    settings = settings_of(args, EvaluateSpec, skip=("run",))
    api.evaluate(args.run, name=args.name, **settings)


def _merge(args: Any) -> None:  # noqa: ANN401 - argparse's
    api.merge(args.run, **settings_of(args, MergeSpec, skip=("run",)))


def _adapters(args: Any) -> None:  # noqa: ANN401 - argparse's
    do = api.cross_evaluate if args.evaluate else api.combine
    do(args.adapters, name=args.name, **adapters_settings_of(args))


def _adopt(args: Any) -> None:  # noqa: ANN401 - argparse's
    api.adopt(args.folder, name=args.name, **settings_of(args, AdoptSpec, skip=("folder",)))


def _diagnose(args: Any) -> None:  # noqa: ANN401 - argparse's
    print(
        repr(api.diagnose(args.run, try_change=args.try_change, learning_curve=args.learning_curve))
    )


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
