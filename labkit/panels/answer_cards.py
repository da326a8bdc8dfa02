"""Answers of several models side by side: where they differ, how sure each is, how long it took."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from html import escape

from ..report import words
from ..report.answers import judged
from ..report.blocks import Block, Box, Table
from .asking import Answer, Question
from .cards import bars, card, cards

STATES = {
    "waiting": "… waiting",
    "loading": "◌ loading",
    "answering": "● answering",
    "weighing": "● weighing labels",
    "done": "✓ answered",
    "stopped": "■ stopped",
    "failed": "✗ failed",
}
"""Sign and word of each state."""

MOST_LABELS = 8
"""Labels of which the probability is shown."""


def answer_cards(question: Question, answers: Sequence[Answer]) -> str:
    """Return a card for each model, with what it says as far as it said it."""
    first, shown = _reference(answers), _labels(question, answers)
    made = [_card(answer, question, first, shown) for answer in answers]
    return cards(made, "Answers of the models", 230)


def answer_blocks(question: Question, answers: Sequence[Answer]) -> list[Block]:
    """Return the answers as a record keeps them."""
    first, shown = _reference(answers), _labels(question, answers)
    lines = tuple(
        (
            answer.model.name,
            words.head(_told(answer, question), 200) or STATES[answer.state],
            _apart(answer, first).lstrip("=≠ ") or "–",
            words.seconds(answer.first_token_seconds),
            words.seconds(answer.token_seconds),
            words.count(answer.n_tokens),
        )
        for answer in answers
    )
    header = ("model", "answer", "compared", "first token", "per token", "tokens")
    title = f"Answers to: {words.head(question.prompt, 120)}"
    found: list[Block] = [Table(title, header, lines, numeric=False)]
    found += [
        Box(f"✗ {answer.model.name} did not answer", answer.problem, ())
        for answer in answers
        if answer.problem
    ]
    known = [answer for answer in answers if answer.probabilities]
    if known:
        rows = tuple(
            (label, *(words.percent(of.probabilities.get(label)) for of in known))
            for label in shown
        )
        columns = ("label", *(answer.model.name for answer in known))
        found.append(Table("Probability of each label", columns, rows, note=_rest(question, shown)))
    return found


def _card(answer: Answer, question: Question, first: Answer | None, shown: list[str]) -> str:
    if answer.problem:
        said = f'<div class="labkit-problem">{escape(answer.problem)}</div>'
        return card(answer.model.name, STATES[answer.state], said)
    body = [_said(answer, question, first)]
    if answer.probabilities:
        chances = [(label, answer.probabilities.get(label, 0.0)) for label in shown]
        body += [bars(chances, answer.label), _small(_rest(question, shown))]
    body.append(_small(_times(answer)))
    return card(answer.model.name, STATES[answer.state], "".join(body))


def _said(answer: Answer, question: Question, first: Answer | None) -> str:
    """Return the answer, the likeliest label before what was written, and how it compares."""
    shown = _told(answer, question)
    if answer.probabilities:
        text, other = f'<div class="labkit-large">{escape(shown)}</div>', answer.text.strip()
        wrote = f"wrote: {words.head(other, 120)}" if other and other != answer.label else ""
        return text + _small(wrote) + _small(_apart(answer, first))
    html = escape(shown)
    if first is not None and first is not answer and answer.state == "done":
        html = marked(shown, _told(first, question))
    return f'<div class="labkit-said">{html}</div>' + _small(_apart(answer, first))


def _told(answer: Answer, question: Question) -> str:
    """Return the answer with its judgement, where the right one is known and it is whole."""
    text = answer.label
    if answer.state == "done" and question.expected:
        return judged(text, question.expected)
    return text or ("(empty)" if answer.state == "done" else "")


def marked(text: str, other: str) -> str:
    """Return a text as HTML in which the words that another text has not are marked."""
    own, theirs = (re.findall(r"\s+|\S+", one) for one in (text, other))
    found = ""
    for kind, _, _, start, end in SequenceMatcher(None, theirs, own, autojunk=False).get_opcodes():
        part = escape("".join(own[start:end]))
        found += part if kind == "equal" or not part.strip() else f"<mark>{part}</mark>"
    return found


def _reference(answers: Sequence[Answer]) -> Answer | None:
    """Return the answer that others are held against: of the tuned model, else the first."""
    done = [answer for answer in answers if answer.state == "done"]
    tuned = [answer for answer in done if answer.model.source == "adapter"]
    return next(iter([*tuned, *done]), None)


def _apart(answer: Answer, first: Answer | None) -> str:
    if first is None or answer.state != "done":
        return ""
    if answer is first:
        return "the others are held against this"
    name = first.model.name
    return f"= the same as {name}" if answer.label == first.label else f"≠ differs from {name}"


def _labels(question: Question, answers: Sequence[Answer]) -> list[str]:
    """Return the labels to show, in one order for all models: the likeliest of any."""
    known = [answer.probabilities for answer in answers if answer.probabilities]
    most = {label: max(of.get(label, 0.0) for of in known) for of in known for label in of}
    return sorted(most, key=lambda label: -most[label])[:MOST_LABELS]


def _rest(question: Question, shown: Sequence[str]) -> str:
    left = len(question.labels) - len(shown)
    return f"{left} less likely labels are not shown." if left > 0 else ""


def _times(answer: Answer) -> str:
    parts = [
        (words.seconds(answer.first_token_seconds), "to the first token"),
        (words.seconds(answer.token_seconds), "per token"),
        (words.count(answer.n_tokens), "token" if answer.n_tokens == 1 else "tokens"),
    ]
    return " · ".join(f"{value} {unit}" for value, unit in parts if value != "–")


def _small(said: str) -> str:
    return f'<div class="labkit-small">{escape(said)}</div>' if said else ""
