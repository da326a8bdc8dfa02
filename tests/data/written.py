"""Reading the data sets that were written for the course, and setting their rows side by side."""

import json
import re
from itertools import combinations
from pathlib import Path

import labkit

FOLDER = Path(labkit.__file__).parent / "data"


def read(name, split):
    """The rows of a split, as they lie in the package."""
    lines = (FOLDER / name / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def words(text):
    return re.findall(r"[\w']+", text.lower())


def overlap(a, b):
    """Jaccard index of two sets: 1 for equal ones, 0 for none in common."""
    return len(a & b) / len(a | b)


def across_splits(splits, keys_of):
    """What `keys_of(row)` gives, for every two rows of different splits."""
    keyed = [[keys_of(row) for row in split] for split in splits.values()]
    return [(a, b) for one, other in combinations(keyed, 2) for a in one for b in other]
