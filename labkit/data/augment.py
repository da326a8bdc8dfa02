"""More training rows from the ones there are: changed copies of the text that fills the prompt.

Instruction, markers and completion stay as they are; held-out rows are never changed or copied.
"""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from ..errors import DataError, SpecError, near
from ..spec import FinetuneSpec
from . import changes
from .examples import Example
from .labels import Parts
from .split import identity

Change = Callable[[str, Random], str]
"""Text and random numbers → changed text."""

AUGMENTATIONS: dict[str, Change] = {
    change.__name__: change
    for change in (
        changes.swap_words,
        changes.drop_words,
        changes.typos,
        changes.swap_letters,
        changes.change_case,
        changes.drop_punctuation,
        changes.repeat_punctuation,
    )
}
"""Name in the setting `augment` → the change."""


def augmented(
    examples: Sequence[Example],
    by: Sequence[str | Change],
    copies: int = 1,
    seed: int = 0,
    *,
    avoid: Collection[str] = (),
) -> list[Example]:
    """Return the examples and, behind them, their changed copies.

    Each copy is changed once, by one of the changes drawn for it. A copy is left out where its
    prompt is already there, or where it loses a word that a JSON completion took from it.

    Args:
        examples: Training rows.
        by: Names of `AUGMENTATIONS`, or functions of your own: text, `random.Random` → text.
        copies: Changed copies of each row.
        seed: Equal seeds give equal copies, whatever the other rows are.
        avoid: Prompts that no copy may have, such as those of held-out rows.

    Raises:
        SpecError: There is no change of that name, or no text to change.
        DataError: A function gave something that is no text.
    """
    drawn_from = [_change(change) for change in by]
    if not any(_places(example) for example in examples):
        raise SpecError(
            "augment changes the text filled into the prompt; these rows have none.",
            hint="Leave augment out, or set text_template with a place before the last one.",
        )
    seen = {*avoid, *(identity(example) for example in examples)}
    kept = list(examples)
    for copy in range(copies):
        for example in examples:
            random = Random(f"{seed}\n{copy}\n{identity(example)}")
            changed = _changed(example, random.choice(drawn_from), random)
            if identity(changed) not in seen and _keeps_answer(example, changed):
                seen.add(identity(changed))
                kept.append(changed)
    return kept


def enlarged(parts: Parts, spec: FinetuneSpec) -> tuple[list[Example], list[str]]:
    """Return the training rows with the copies that the spec asks for, and a note on them."""
    examples = parts["train"]
    if not spec.augment:
        return examples, []
    others = {identity(e) for split, part in parts.items() if split != "train" for e in part}
    made = augmented(examples, spec.augment, spec.augment_copies, spec.seed, avoid=others)
    n_copies, asked = len(made) - len(examples), spec.augment_copies * len(examples)
    left_out = asked - n_copies
    more = f"; {left_out} more were like a row there is, or lost the answer" if left_out else ""
    return made, [
        f"augment: {n_copies} changed copies of {len(examples)} training rows were added "
        f"({', '.join(spec.augment)}; seed {spec.seed}){more}."
    ]


def _change(given: str | Change) -> Change:
    if callable(given):
        return given
    if given not in AUGMENTATIONS:
        listed = ", ".join(AUGMENTATIONS)
        raise SpecError(
            f"augment must name changes from {listed}; got {given!r}.",
            hint=near(given, AUGMENTATIONS, f"Use one of: {listed}."),
        )
    return AUGMENTATIONS[given]


def _changed(example: Example, change: Change, random: Random) -> Example:
    if not _places(example):
        return example
    if example.messages is not None:
        return _changed_turn(example, change, random)
    text = _result(change, example.given, random, example)
    prompt, end = "", 0
    for at in _places(example):
        prompt += example.prompt[end:at] + text
        end = at + len(example.given)
    places = tuple(
        at + i * (len(text) - len(example.given)) for i, at in enumerate(_places(example))
    )
    prompt = (prompt + example.prompt[end:]).rstrip(" ")
    return replace(example, prompt=prompt, given=text, given_at=places)


def _changed_turn(example: Example, change: Change, random: Random) -> Example:
    """Return a chat whose longest turn by the user is changed; what the system says stays."""
    (at,) = _places(example)
    turns = [dict(turn) for turn in example.messages or ()]
    text = _result(change, turns[at]["content"], random, example)
    given = text if example.given == turns[at]["content"] else example.given
    turns[at]["content"] = text
    prompt = "\n".join(f"{turn['role']}: {turn['content']}" for turn in turns[:-1])
    return replace(example, prompt=prompt, messages=tuple(turns), given=given)


def _places(example: Example) -> tuple[int, ...]:
    """Return where the text to change begins, characters of the prompt; of a chat, its turn."""
    if example.messages is not None:
        turns = [i for i, turn in enumerate(example.messages[:-1]) if turn["role"] == "user"]
        return (max(turns, key=lambda i: len(example.messages[i]["content"])),) if turns else ()  # type: ignore[index]
    if example.given_at or not example.given.strip():
        return example.given_at if example.given.strip() else ()
    once = example.prompt.count(example.given) == 1
    return (example.prompt.find(example.given),) if once else ()


def _result(change: Change, text: str, random: Random, example: Example) -> str:
    changed = change(text, random)
    if not isinstance(changed, str) or not changed.strip():
        name = getattr(change, "__name__", "The function")
        raise DataError(
            f"{name} must return text; it returned {changed!r} for row {example.row}.",
            hint="Return the text as it was where there is nothing to change.",
        )
    return changed


def _keeps_answer(example: Example, changed: Example) -> bool:
    """Tell whether all that a JSON completion quotes from its row stands in the copy too."""
    quoted = [text for text in _leaves(_json(example.completion)) if text in example.prompt]
    return all(text in changed.prompt for text in quoted)


def _json(completion: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(completion)
    except (ValueError, RecursionError):
        return None


def _leaves(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _leaves(part)
