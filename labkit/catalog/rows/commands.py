"""Utterances to a smart home, with intent and slots, from the package home-assistant-intents."""

import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .kinds import Row, Splits, shuffled
from .utterances import Template, Utterance, home, utterances

N_INTENTS = 20
"""The intents with the most templates are kept."""

SHARES = {"test": 0.2, "validation": 0.12}
"""Share of an intent's templates in each split; the rest is for training."""

Learned = Callable[[Template, Utterance], Row]
"""Gives the column that is learned."""


def intents(files: Sequence[bytes]) -> Splits:
    """Return rows of an utterance and its intent, at most 60 + 8 + 15 of an intent."""
    return _splits(files, {"train": 60, "validation": 8, "test": 15}, _intent)


def slots(files: Sequence[bytes]) -> Splits:
    """Return rows of an utterance and its command as JSON, at most 40 + 5 + 8 of an intent."""
    return _splits(files, {"train": 40, "validation": 5, "test": 8}, _command)


def named(intent: str) -> str:
    """Return an intent as words: `HassTurnOn` is `turn on`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", intent.removeprefix("Hass")).lower()


def templates_of(source: Mapping[str, Any]) -> dict[str, list[Template]]:
    """Return the templates of the intents that have the most, each text once."""
    found: dict[str, list[Template]] = {}
    seen: set[str] = set()
    for intent, content in source["intents"].items():
        for number, block in enumerate(content["data"]):
            domains = block.get("requires_context", {}).get("domain", [])
            known = tuple(domain for domain in domains if domain in home()["names"])
            for text in block["sentences"]:
                if text in seen or ("{name}" in text and not known):
                    continue
                seen.add(text)
                place = f"{intent} {number}"
                template = Template(text, intent, place, block.get("slots", {}), known)
                found.setdefault(intent, []).append(template)
    most = sorted(found, key=lambda intent: (-len(found[intent]), intent))[:N_INTENTS]
    return {intent: found[intent] for intent in sorted(most)}


def divided(templates: Sequence[Template]) -> dict[str, list[Template]]:
    """Return an intent's templates by split.

    A template that is tested on leaves one of the same meaning to learn from, where there is one.
    """
    by_text = {template.text: template for template in templates}
    left = [by_text[text] for text in shuffled(by_text)]
    splits = {}
    for split, share in SHARES.items():
        n = max(1, round(share * len(templates)))
        blocks = [template.block for template in left]
        first = {blocks.index(block) for block in blocks}  # one of each block stays
        order = sorted(range(len(left)), key=lambda i: i in first)
        splits[split] = [left[i] for i in order[:n]]
        left = [left[i] for i in order[n:]]
    return {**splits, "train": left}


def _splits(files: Sequence[bytes], most: Mapping[str, int], learned: Learned) -> Splits:
    """Return the rows of each split, at most so many of each intent."""
    source = json.loads(files[0])
    by_intent = {intent: divided(group) for intent, group in templates_of(source).items()}
    owners: dict[str, str] = {}
    splits: Splits = {}
    for split, n in most.items():
        groups = [templates[split] for templates in by_intent.values()]
        found = {s.text: (t, s) for group in groups for t, s in _taken(group, source, owners, n)}
        splits[split] = [_row(*found[text], learned) for text in shuffled(found)]
    return splits


def _taken(
    templates: Sequence[Template], source: Mapping[str, Any], owners: dict[str, str], n: int
) -> Iterator[tuple[Template, Utterance]]:
    """Yield `n` utterances, one of each template in turn."""
    turns = deque((template, iter(utterances(template, source, owners))) for template in templates)
    while turns and n:
        template, said = turns.popleft()
        utterance = next(said, None)
        if utterance is not None:
            yield template, utterance
            turns.append((template, said))
            n -= 1


def _row(template: Template, said: Utterance, learned: Learned) -> Row:
    return {"utterance": said.text, **learned(template, said), "template": template.text}


def _intent(template: Template, _: Utterance) -> Row:
    return {"intent": named(template.intent)}


def _command(template: Template, said: Utterance) -> Row:
    command = {"intent": named(template.intent), **said.slots, **template.slots}
    return {"command": json.dumps(command, ensure_ascii=False)}
