"""Score the test phrases' labels as a tree and as whole sequences: seconds, and the same answers?

Run it with the project's environment: `.venv/bin/python benchmarks/labels.py`.
"""

import time

import numpy as np

from labkit import catalog, data, evaluation
from labkit.evaluation import whole_sequence_scores
from labkit.jobs.job import load_tokenizer
from labkit.spec import FinetuneSpec
from labkit.training import load_base


def main() -> None:
    """Print one line for each way and one that compares them."""
    folder = catalog.resolve_model(FinetuneSpec().model)
    tokenizer, model = load_tokenizer(folder, False), load_base(folder)
    splits = data.load(FinetuneSpec())
    rows = evaluation.label_rows(tokenizer, splits.held_out, splits.labels, 512)
    completions = list(rows.completions.values())
    found = []
    for name, score in [
        ("tree", evaluation.label_scores),
        ("whole sequences", whole_sequence_scores),
    ]:
        start = time.perf_counter()
        found.append(score(model, tokenizer, rows.prompts, completions))
        seconds = time.perf_counter() - start
        print(f"{name}: {len(rows.prompts)} rows x {len(completions)} labels in {seconds:.1f} s")
    same = int((found[0].argmax(1) == found[1].argmax(1)).sum())
    largest = float(np.abs(found[0] - found[1]).max())
    print(f"same answer in {same} of {len(found[0])} rows; largest difference {largest:.1e} nats")


if __name__ == "__main__":
    main()
