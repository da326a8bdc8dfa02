"""What the rows say: asked in another form, learned what judges, repeated, answered two ways."""

import re
from collections import Counter, defaultdict
from itertools import islice
from math import comb

from .. import data
from .evidence import Evidence
from .finding import Finding

WORD = re.compile(r"[^\W\d_]{2,}")
"""A word: letters, so that neither numbers nor code count."""

REPEATED = 0.05
"""Share of repeated rows from which it is said; fewer weigh little, and `%data` lists them all.
What repeats do: Lee et al., 2022, arXiv:2107.06499."""

SURE = 0.95
"""Probability from which the model is sure of another label."""

PIECES = 3.0
"""Tokens a word from which a tokenizer was not made for the language of the rows; one that was
needs between one and two (Rust et al., 2021, arXiv:2012.15613)."""

N_WORDS = 1000
"""Words of the rows that are counted."""

CHANCE = 1e-3
"""How unlikely so many sure errors must be at that sureness before labels are doubted."""


def leak(seen: Evidence) -> Finding | None:
    """Rows that judge the model are among those that it learned."""
    learned = set(seen.prints.get("train", ()))
    judge = "test" if seen.prints.get("test") else "validation"
    held = seen.prints.get(judge, [])
    known = sum(row in learned for row in held)
    if not known:
        return None
    return Finding(
        "leaked_test_rows",
        f"{known} of {len(held)} {judge} rows have a prompt that was learned: the results below "
        "tell how well they were remembered.",
        "split",
        "Keep the rows that judge out of the training: train again on the split of the settings.",
        {},
        {f"{judge} rows": len(held), "learned as well": known},
        "rows",
    )


def other_template(seen: Evidence) -> Finding | None:
    """The models were measured with another prompt than the row has."""
    asked = seen.run.last("asked")
    if asked is None or seen.splits is None or seen.tokenizer is None:
        return None
    held = {example.row: example for example in seen.splits.held_out}
    if asked["row"] not in held:
        return None
    wanted = data.prompt_for(seen.spec, held[asked["row"]], seen.tokenizer)
    if asked["prompt"] == wanted:
        return None
    same = _alike(asked["prompt"], wanted)
    return Finding(
        "template_mismatch",
        f"Row {asked['row']} was asked as {asked['prompt']!r:.80}; the template that was learned "
        f"makes it {wanted!r:.160}.",
        "template",
        "Ask with the template that was learned: measure again.",
        {},
        {"learned prompt": len(wanted), "asked prompt": len(asked["prompt"]), "alike": same},
        "characters",
    )


def duplicates(seen: Evidence) -> Finding | None:
    """Many training rows repeat another one whole."""
    if seen.splits is None or seen.spec.augment:
        return None
    rows = Counter((example.prompt, example.completion) for example in seen.splits.train)
    n, extra = rows.total(), rows.total() - len(rows)
    if extra <= REPEATED * n:
        return None
    return Finding(
        "duplicates",
        f"{extra} of {n} training rows repeat another one whole; the commonest stands "
        f"{max(rows.values())} times.",
        "data",
        "Delete the repeats; %data lists their rows.",
        None,
        {"training rows": n, "repeats": extra},
        "rows",
    )


def contradictions(seen: Evidence) -> Finding | None:
    """The same prompt has two labels."""
    if seen.splits is None or not seen.splits.labels:
        return None
    labels = defaultdict(set)
    for example in seen.splits.train:
        labels[example.prompt].add(example.label)
    torn = sum(len(of) > 1 for of in labels.values())
    if not torn:
        return None
    return Finding(
        "wrong_labels",
        f"{torn} prompts of the training rows have two labels or more; one of them is wrong, or "
        "the label cannot be told from the prompt.",
        "data",
        "Decide which label is right; %data lists the rows.",
        None,
        {"different prompts": len(labels), "with two labels": torn},
        "prompts",
    )


def doubted_labels(seen: Evidence) -> Finding | None:
    """The model is sure of another label more often than such sureness allows.

    Northcutt et al., 2021, arXiv:1911.00068: rows on which a model is sure and disagrees.
    """
    tuned = seen.metrics.get("tuned", {})
    if "probabilities" not in tuned or not seen.is_better:  # one that knows nothing is no witness
        return None
    sure = [max(chances) >= SURE for chances in tuned["probabilities"]]
    pairs = zip(sure, tuned["predictions"], tuned["gold"], strict=True)
    wrong = sum(is_sure and said != gold for is_sure, said, gold in pairs)
    n = sum(sure)
    if _at_least(wrong, n, 1 - SURE) > CHANCE:
        return None
    return Finding(
        "wrong_labels",
        f"On {n} held-out rows the model is at least {SURE:.0%} sure; on {wrong} of them the row "
        f"says another label, where {round((1 - SURE) * n)} would be expected.",
        "data",
        "Look at these rows in predictions of %evaluate, and mend the labels that are wrong.",
        None,
        {"sure": n, "of them another label": wrong, "expected": (1 - SURE) * n},
        "held-out rows",
    )


def other_language(seen: Evidence) -> Finding | None:
    """Nothing was gained, and the tokenizer cuts the words of the rows into small pieces."""
    if seen.is_better or not seen.metrics or seen.splits is None or seen.tokenizer is None:
        return None
    texts = (text for row in seen.splits.train for text in (row.prompt, row.completion))
    words = list(islice((word for text in texts for word in WORD.findall(text)), N_WORDS))
    pieces = sum(len(seen.tokenizer.encode(f" {word}")) for word in words)
    if pieces < PIECES * max(len(words), 1):
        return None
    return Finding(
        "wrong_base_model",
        f"The tuned model is not better than the base, and the tokenizer of {seen.spec.model} cuts "
        f"the words of the rows into {pieces / len(words):.1f} tokens each: it was not made for "
        "their language.",
        "model",
        "Take a base model that was trained on the language of the rows.",
        None,
        {"of these rows": pieces / len(words), "where it is made for them, at most": 2.0},
        "tokens a word",
    )


def _at_least(k: int, n: int, share: float) -> float:
    """Return the chance of `k` or more of `n` independent errors, each with this chance."""
    return 1.0 - sum(comb(n, i) * share**i * (1 - share) ** (n - i) for i in range(k))


def _alike(one: str, other: str) -> int:
    """Return how many characters two texts end with alike."""
    pairs = zip(reversed(one), reversed(other), strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
