"""The whole way, as a user takes it, and what it costs."""

import subprocess
import sys

import pytest

from labkit.data import load
from labkit.errors import DataError
from labkit.spec import FinetuneSpec


def test_the_embedded_data_set_comes_with_its_template_and_splits():
    splits = load(FinetuneSpec())
    assert splits.task == "classification"
    assert splits.labels == ("anger", "fear", "joy", "neutral", "sadness", "surprise")
    assert len(splits.test) >= 120
    assert {example.completion for example in splits.test} == {f" {x}" for x in splits.labels}
    assert not any(example.prompt.endswith(" ") for example in splits.train)


def test_a_users_csv_of_another_task_goes_through(tmp_path):
    kinds = ["fruit", "vegetable", "fish", "meat", "dairy", "bread", "spice", "drink"]
    lines = [f"food {i};{kinds[i % 8]}" for i in range(80)]
    (tmp_path / "food.csv").write_text("name;kind\n" + "\n".join(lines))
    spec = FinetuneSpec(data="food.csv", text_template="Food: {name}\nKind: {kind}")
    splits = load(spec, base=tmp_path)
    assert splits.labels == tuple(sorted(kinds))
    assert (len(splits.train), len(splits.validation)) == (64, 16)
    assert {example.label for example in splits.validation} == set(kinds)


def test_the_modules_json_of_inputs_and_outputs_goes_through(tmp_path):
    rows = [f'{{"input": "What is {i}?", "output": "It is {i} long."}}' for i in range(10)]
    (tmp_path / "dataset.json").write_text(f"[{','.join(rows)}]")
    spec = FinetuneSpec(data="dataset.json", text_template="User: {input}\nAssistant: {output}")
    splits = load(spec, base=tmp_path)
    assert splits.task == "generation"
    assert len(splits.train) + len(splits.validation) == 10


def test_the_fingerprint_follows_the_rendered_rows(tmp_path):
    (tmp_path / "a.csv").write_text("q,a\n" + "\n".join(f"{i},answer {i}" for i in range(10)))
    specs = [
        FinetuneSpec(data="a.csv", text_template=template)
        for template in ("{q}: {a}", "{q}:  {a}", "{q}: {a}")
    ]
    one, other, again = (load(spec, base=tmp_path).fingerprint for spec in specs)
    assert one == again != other
    assert len(one) == 64


def test_one_row_is_too_few(tmp_path):
    (tmp_path / "a.csv").write_text("prompt,completion\nx,y\n")
    with pytest.raises(DataError, match="No validation rows can be cut"):
        load(FinetuneSpec(data="a.csv"), base=tmp_path)


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()


def test_text_files_are_loaded_without_a_heavy_package_and_at_once(tmp_path):
    (tmp_path / "a.csv").write_text(
        "prompt,completion\n" + "\n".join(f"{i},y{i}" for i in range(9))
    )
    code = (
        "import sys, time; from labkit.data import load; from labkit.spec import FinetuneSpec\n"
        "start = time.process_time(); load(FinetuneSpec()); print(time.process_time() - start)\n"
        f"load(FinetuneSpec(data={str(tmp_path / 'a.csv')!r}))\n"
        "heavy = 'torch transformers tokenizers datasets pandas pyarrow numpy huggingface_hub'\n"
        "print(*[name for name in heavy.split() if name in sys.modules])"
    )
    seconds, *heavy = run(code)
    assert heavy == []
    assert float(seconds) <= 0.2
