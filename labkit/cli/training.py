"""The commands that train, or plan to: `labkit finetune`, `plan`, `find_lr` and `sweep`."""

from collections.abc import Callable
from typing import Any

from .. import api
from ..flags import (
    Parser,
    add_settings,
    given,
    read_settings,
    resumable,
    resuming,
    settings_of,
    sweep_settings_of,
)
from ..options.commands import add_fault, add_prepare, add_show_code, sweep_options
from ..spec import FinetuneSpec


def add_commands(add: Callable[..., Parser]) -> None:
    """Add the commands; `add` makes one of a name, the function to call and a line of help."""
    one = add("finetune", _finetune, "Fine-tune a model as a YAML file and flags say.")
    _add_spec(one)
    one.add_argument("--dry-run", action="store_true", help="Check and show; train nothing.")
    add_show_code(one)
    add_prepare(one)
    one.add_argument("--resume", metavar="RUN", help="Go on with this run.")
    add_fault(one)
    _add_spec(add("plan", _plan, "Say what a fine-tuning will need here; train nothing."))
    _add_spec(add("find_lr", _find_lr, "Find a learning rate on a run's own rows."))
    _add_sweep(add("sweep", _sweep, "Search among settings as a YAML file says."))


def given_settings(args: Any) -> dict[str, Any]:  # noqa: ANN401 - argparse's
    """Return the settings of a YAML file and of flags, which win over it."""
    return (read_settings(args.file) if args.file else {}) | settings_of(args, FinetuneSpec)


def _add_spec(one: Parser) -> None:
    one.add_argument("file", nargs="?", help="YAML file with settings; flags win over it.")
    one.add_argument("--name", help="Name of the run.")
    add_settings(one, FinetuneSpec)


def _add_sweep(one: Parser) -> None:
    one.add_argument("file", nargs="?", help="YAML file with search_space; flags win over it.")
    one.add_argument("--name", help="Name of the search.")
    one.add_argument("--resume", metavar="SWEEP", help="Go on with this search.")
    text = "Work on this search with one more process, here or on another machine."
    one.add_argument("--join", metavar="SWEEP", help=text)
    sweep_options(one)


def _finetune(args: Any) -> None:  # noqa: ANN401 - argparse's
    settings = given_settings(args) | given(args, "fault")
    if args.dry_run:
        print(repr(api.preview(**settings)))
    elif args.show_code:
        print(repr(api.show_code(**settings)))
    elif args.prepare:
        print(repr(api.prepare(name=args.name, **settings)))
    elif args.resume:
        api.resume(**resuming(args.resume, settings))
    else:
        api.finetune(name=args.name, **settings)


def _plan(args: Any) -> None:  # noqa: ANN401 - argparse's
    print(repr(api.plan(name=args.name, **given_settings(args))))


def _find_lr(args: Any) -> None:  # noqa: ANN401 - argparse's
    api.find_lr(name=args.name, **given_settings(args))


def _sweep(args: Any) -> None:  # noqa: ANN401 - argparse's
    settings = (read_settings(args.file) if args.file else {}) | sweep_settings_of(args)
    if args.resume:
        api.resume_sweep(resumable(args.resume, settings))
    elif args.join:
        api.join_sweep(resumable(args.join, settings))
    else:
        api.sweep(name=args.name, **settings)
