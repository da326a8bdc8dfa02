"""Templates: `Phrase: {phrase} Tone: {tone}` → a prompt and a completion."""

import re
from collections.abc import Mapping
from string import Formatter

from ..errors import SpecError

Template = tuple[tuple[str, str | None], ...]
"""Pieces (fixed text, column that follows it); the last column is None."""

EXAMPLE = 'Write a column in braces, as in "Phrase: {phrase}\\nTone: {tone}".'


def parse(text: str, setting: str) -> Template:
    """Return the pieces of a template; `{{` and `}}` are literal braces."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        raise SpecError(
            f"{setting} is not a template: {error}; got {text!r}.",
            hint="Write a literal brace twice: {{ or }}.",
        ) from error
    pieces: list[tuple[str, str | None]] = []
    fixed = ""
    for literal, column, form, conversion in parts:
        fixed += literal
        if column is not None:
            _check_place(column, form, conversion, setting)
            pieces.append((fixed, column))
            fixed = ""
    if not pieces:
        raise SpecError(f"{setting} has no {{column}} place; got {text!r}.", hint=EXAMPLE)
    return (*pieces, (fixed, None))


def _check_place(column: str, form: str | None, conversion: str | None, setting: str) -> None:
    if not column.strip():
        raise SpecError(f"{setting} has a place without a column: {{}}.", hint=EXAMPLE)
    if form or conversion:
        raise SpecError(
            f"{setting} has a format in {{{column}}}; only the column's name may stand there.",
            hint=f"Write {{{column}}}.",
        )


def cut(template: Template) -> tuple[Template, Template]:
    """Cut a text template before its last place: the prompt, then the completion.

    A template that is one place without a text before it has an empty prompt: all is learned.
    """
    last = len(template) - 2
    marker, column = template[last]
    if not marker and last > 0:
        raise SpecError(
            f"text_template needs fixed text before its last place {{{column}}}, where the "
            "completion begins; there is none.",
            hint=EXAMPLE,
        )
    return (*template[:last], (marker, None)), (("", column), template[last + 1])


def columns(template: Template) -> list[str]:
    """Return the columns of a template in order, each once."""
    return list(dict.fromkeys(column for _, column in template if column is not None))


def fill(template: Template, texts: Mapping[str, str]) -> str:
    """Return the template's text with every place replaced by its column's text."""
    return "".join(fixed + (texts[column] if column else "") for fixed, column in template)


def unfilled(template: Template, text: str) -> Mapping[str, str] | None:
    """Return column → text of a filled template, blanks at its end aside; None if it is none."""
    *pieces, (end, _) = template
    fixed = [*(re.escape(before) for before, _ in pieces), re.escape(end.rstrip(" "))]
    found = re.fullmatch("(.*?)".join(fixed), text, re.DOTALL)
    places = [str(column) for _, column in pieces]
    return dict(zip(places, found.groups(), strict=True)) if found else None


def starts(template: Template, texts: Mapping[str, str], column: str) -> tuple[int, ...]:
    """Return where the text of a column begins in the filled template, characters."""
    before = ((*template[:at], (template[at][0], None)) for at in range(len(template)))
    return tuple(
        len(fill(b, texts)) for b, (_, of) in zip(before, template, strict=True) if of == column
    )


def is_bare(template: Template) -> bool:
    """Tell whether a template is one column and nothing else but blanks."""
    return len(template) == 2 and not any(fixed.strip() for fixed, _ in template)


def join(prompt: str, completion: str) -> tuple[str, str]:
    """Move blanks at the end of the prompt to the completion's start.

    Tokenizers join a blank to the word after it: "Tone:" + " joy", never "Tone: " + "joy".
    """
    kept = prompt.rstrip(" ")
    return kept, prompt[len(kept) :] + completion
