"""Abstract and aspect → the expert's one-sentence summary, from the package aclsum."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .kinds import Row, Splits, shuffled

FIRST_YEAR = 2016
"""The anthology's papers are under CC BY 4.0 from this year on."""

LONGEST = 260
"""Words of an abstract; a longer one is several sections read as one."""

SHARES = {"test": 24, "validation": 12}
"""Papers of each split; the rest is for training."""

BLANKS = (
    (re.compile(r"\s+([,.;:!?%)\]])"), r"\1"),
    (re.compile(r"([(\[])\s+"), r"\1"),
    (re.compile(r"\s+(n't|'(?:s|re|ve|ll|d|m))\b"), r"\1"),
    (re.compile(r"\s+"), " "),
)
"""Blanks that the source's tokeniser left, and what stands there in print."""


def summaries(files: Sequence[bytes]) -> Splits:
    """Return a row per paper and aspect; all rows of a paper are in one split.

    Args:
        files: The source's JSON Lines files.
    """
    papers = {paper["id"]: paper for file in files for paper in _papers(file)}
    usable = [name for name, paper in papers.items() if _is_usable(paper)]
    order = shuffled(usable)
    splits: Splits = {"train": []}
    for split, n_papers in SHARES.items():
        chosen, order = order[:n_papers], order[n_papers:]
        splits[split] = [row for name in chosen for row in _rows(papers[name])]
    splits["train"] = [row for name in order for row in _rows(papers[name])]
    return splits


def year_of(paper: str) -> int:
    """Return the year in an anthology id, old (`P19-1352`) or new (`2020.acl-main.47`)."""
    if paper[:4].isdigit():
        return int(paper[:4])
    short = int(paper[1:3])
    return 1900 + short if short > 60 else 2000 + short


def in_print(text: str) -> str:
    """Return text without the blanks that a tokeniser put around marks."""
    for pattern, replacement in BLANKS:
        text = pattern.sub(replacement, text)
    return text.strip()


def _papers(file: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.decode().splitlines() if line.strip()]


def _is_usable(paper: Mapping[str, Any]) -> bool:
    words = sum(len(sentence.split()) for sentence in paper["sentences"]["abstract"])
    return year_of(paper["id"]) >= FIRST_YEAR and words <= LONGEST


def _rows(paper: Mapping[str, Any]) -> list[Row]:
    abstract = in_print(" ".join(paper["sentences"]["abstract"]))
    return [
        {"paper": paper["id"], "aspect": aspect, "abstract": abstract, "summary": in_print(summary)}
        for aspect, summary in paper["summary"].items()
    ]
