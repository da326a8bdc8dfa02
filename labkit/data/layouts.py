"""Which columns make the prompt and which the completion."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import DataError, near
from ..spec import FinetuneSpec
from .templates import Template, columns, cut, is_bare, parse


@dataclass(frozen=True)
class Layout:
    """How a row becomes a prompt and a completion."""

    prompt: Template = ()
    completion: Template = ()
    rejected: Template = ()
    """The completion that is to become less likely; empty without preference pairs."""

    chat: bool = False
    """Rows hold `messages`; the model's chat template renders them."""

    setting: str = "columns"
    """The setting that says so, for messages."""

    @property
    def columns(self) -> list[str]:
        """Columns that are used, each once."""
        return columns((*self.prompt, *self.completion, *self.rejected))

    @property
    def has_label(self) -> bool:
        """Tell whether the completion is one bare column, as a label is."""
        is_single = bool(columns(self.prompt)) and not self.rejected
        return is_single and is_bare(self.completion)


CHOSEN = (("", "prompt"), ("", None)), (("", "chosen"), ("", None))
CHAT = Layout(chat=True)
PLAIN = Layout((("", "prompt"), ("", None)), (("", "completion"), ("", None)))
WHOLE = Layout((("", None),), (("", "text"), ("", None)))


def layout_of(
    spec: FinetuneSpec, default: str | None, known: list[str], *, pairs: bool = True
) -> Layout:
    """Return the layout that the spec, the data set or the columns' names ask for.

    Args:
        spec: Its templates come first.
        default: The text template that comes with the data set.
        known: The data's columns.
        pairs: Whether a run on preference pairs reads both completions of a row, as it does to
            learn, or one, as it does to be measured.
    """
    if spec.rejected_template is not None and pairs:
        layout = _pairs(template_layout(spec, None), spec.rejected_template, known)
    elif spec.rejected_template is not None and {"prompt", "chosen"} <= set(known):
        layout = template_layout(spec, None) or Layout(*CHOSEN)
    else:
        layout = template_layout(spec, default) or _by_names(known)
    for column in layout.columns:
        if column not in known:
            listed = ", ".join(known)
            raise DataError(
                f"{layout.setting} names the column {column!r}; the data has {listed}.",
                hint=near(column, known, f"Use one of: {listed}."),
            )
    return layout


def _pairs(layout: Layout | None, rejected: str, known: list[str]) -> Layout:
    """Return the layout of preference pairs: of the templates, else prompt, chosen, rejected."""
    if layout is None and not {"prompt", "chosen"} <= set(known):
        raise DataError(
            f"The loss dpo needs the columns prompt, chosen and rejected; the data has "
            f"{', '.join(known)}.",
            hint="Set prompt_template, completion_template (the chosen one) and "
            'rejected_template, as "{question}", "{good}" and "{bad}".',
        )
    prompt, chosen = (layout.prompt, layout.completion) if layout else CHOSEN
    setting = layout.setting if layout else "rejected_template"
    return Layout(prompt, chosen, parse(rejected, "rejected_template"), setting=setting)


def template_layout(spec: FinetuneSpec, default: str | None) -> Layout | None:
    """Return the layout of the spec's templates, else of the data set's own, else None."""
    if spec.prompt_template is not None and spec.completion_template is not None:
        prompt = parse(spec.prompt_template, "prompt_template")
        completion = parse(spec.completion_template, "completion_template")
        return Layout(prompt, completion, setting="prompt_template")
    text = spec.text_template if spec.text_template is not None else default
    if text is None:
        return None
    return Layout(*cut(parse(text, "text_template")), setting="text_template")


def _by_names(known: list[str]) -> Layout:
    if {"prompt", "completion"} <= set(known):
        return PLAIN
    if "messages" in known:
        return CHAT
    if "text" in known and len(known) == 1:
        return WHOLE
    raise DataError(
        f"The data has the columns {', '.join(known)}; which one is to be learned is not said.",
        hint=f"Set text_template: {_suggestion(known)}",
    )


def _suggestion(known: list[str]) -> str:
    """Return a text template of the first and last column, quoted for YAML."""
    first, last = known[0], known[-1]
    if first == last:
        return f'"{{{first}}}" learns the whole text.'
    return f'"{first.capitalize()}: {{{first}}}\\n{last.capitalize()}: {{{last}}}"'


def learns_the_same(layout: Layout, default: str | None) -> bool:
    """Tell whether a layout learns the columns that the data set's own template learns."""
    if default is None:
        return False
    return columns(layout.completion) == columns(cut(parse(default, "text_template"))[1])


def texts_for_prompt(layout: Layout, given: str | Mapping[str, str]) -> Mapping[str, str]:
    """Return column → text for the prompt's places, from one text if there is one place."""
    places = columns(layout.prompt)
    if isinstance(given, str):
        if len(places) != 1:
            raise DataError(
                f"The prompt has {len(places)} places ({', '.join(places)}); got one text.",
                hint="Give a dict with a text for each.",
            )
        return {places[0]: given}
    for column in places:
        if column not in given:
            raise DataError(
                f"The prompt needs a text for {column!r}; got {', '.join(given) or 'none'}.",
                hint=near(column, given, f"Give: {', '.join(places)}."),
            )
    return given
