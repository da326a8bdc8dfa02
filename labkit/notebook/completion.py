"""Completion in labkit's cells: flags on the first line, settings and their choices below."""

import re
from typing import Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from ..catalog import data_sets, models
from ..options import MAGICS
from ..run import all_runs
from ..settings import Rule
from ..spec import FinetuneSpec

HEAD = re.compile(rf"\s*%{{1,2}}({'|'.join([*MAGICS, 'stop', 'tensorboard'])})\b")


@context_matcher()
def labkit_matcher(context: CompletionContext) -> SimpleMatcherResult:
    """Complete flags, names of runs, settings and values in a cell that begins with our magic."""
    head = HEAD.match(context.full_text)
    if not head:
        return SimpleMatcherResult(completions=[], suppress=False)
    word = context.token
    options = _body(context) if context.cursor_line else _first_line(head[1], context)
    found = [SimpleCompletion(text) for text in options if text.startswith(word)]
    return SimpleMatcherResult(completions=found, suppress=bool(found), matched_fragment=word)


def _first_line(magic: str, context: CompletionContext) -> list[str]:
    if magic in MAGICS and context.line_with_cursor[: context.cursor_position].endswith("-"):
        return _flags(magic)
    if context.token.startswith("-"):
        return _flags(magic)
    return [run.name for run in all_runs()]


def _flags(magic: str) -> list[str]:
    actions = MAGICS[magic]()._actions if magic in MAGICS else []
    return [action.option_strings[0] for action in actions if action.option_strings]


def _body(context: CompletionContext) -> list[str]:
    key, colon, _ = context.line_with_cursor.partition(":")
    fields: dict[str, Any] = FinetuneSpec.__dataclass_fields__
    if not colon:
        return [f"{name}: " for name in fields]
    if key.strip() == "model":
        return [entry.name for entry in models()]
    if key.strip() == "data":
        return [entry.name for entry in data_sets()]
    rule = fields[key.strip()].metadata.get("rule", Rule()) if key.strip() in fields else Rule()
    return list(rule.choices)
