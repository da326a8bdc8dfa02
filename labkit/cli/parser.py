"""The whole command line as one parser."""

from collections.abc import Callable
from typing import Any

from .. import __version__
from ..flags import Parser
from . import at_hand, training, tuned


def parser() -> Parser:
    """Return the parser of `labkit …`; what it reads has the function to call as `command`."""
    top = Parser(prog="labkit", description="Fine-tune, evaluate and export small language models.")
    top.add_argument("--version", action="version", version=f"labkit {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)

    def add(name: str, command: Callable[[Any], None], text: str, **options: Any) -> Parser:  # noqa: ANN401 - argparse's
        made: Parser = commands.add_parser(name, help=text, description=text, **options)
        made.set_defaults(command=command)
        return made

    for group in (training, tuned, at_hand):
        group.add_commands(add)
    return top
