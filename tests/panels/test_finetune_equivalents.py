"""The cell, the command and the YAML of a panel are read back to the settings they show."""

import random
import subprocess
from dataclasses import fields

import pytest

from labkit.cli import parser
from labkit.cli.training import given_settings
from labkit.errors import LabError
from labkit.notebook.cells import read_cell, split_line
from labkit.options import MAGICS
from labkit.panels.equivalents import cell_text, command_text, yaml_text
from labkit.settings import Rule, types_of
from labkit.spec import METHODS, FinetuneSpec
from labkit.typed import as_text
from labkit.yaml import parse_yaml

TEXTS = (
    "tone.csv", "a b/c d.jsonl", "it's", 'say "no"', "Dish: {dish}\nKind: {kind}", "\\n {x}", "-r",
    "--limit", "yes", "1e5", "null", "# x", "{x}: y", "[a]", "  blank ", "ü → 😀", "$HOME `id`",
    "train[:50%]", "a, b", "tab\there", "=", "{{x}}y", "*", "%", "\x7f\x01",
)  # fmt: skip
LISTS = (("q_proj",), ("q_proj", "v_proj"), ("o, p", "x"), ("yes", "1"), ("a b", "-c"))


def drawn(kind, rule, at):
    """Return a random value of a setting."""
    if rule.choices:
        return at.choice(rule.choices)
    kinds = str(kind)
    if "tuple" in kinds and (at.random() < 0.7 or "str |" not in kinds):
        return at.choice(LISTS)
    if "str" in kinds:
        return at.choice(TEXTS)
    if "bool" in kinds:
        return at.random() < 0.5
    low, high = rule.at_least or rule.above or 0, rule.at_most or 1000
    if "int" in kinds:
        return at.randint(int(low), int(min(high, low + 10 ** at.randint(0, 9))))
    return at.choice([low or high, high, round(at.uniform(low, high), at.randint(1, 12))])


def random_specs(count):
    """Yield valid specs in which a few settings are random."""
    at, kinds = random.Random(0), types_of(FinetuneSpec)
    while count:
        method = at.choice([*METHODS])
        names = at.sample([f for f in fields(FinetuneSpec) if f.name != "method"], at.randint(0, 7))
        taken = [
            f for f in names
            if not f.metadata.get("rule", Rule()).is_dependent or f.name in METHODS[method].defaults
        ]  # fmt: skip
        values = {f.name: drawn(kinds[f.name], f.metadata.get("rule", Rule()), at) for f in taken}
        try:
            spec = FinetuneSpec(method=method, **values)
        except LabError:
            continue
        count -= 1
        yield spec


SPECS = [FinetuneSpec(), *random_specs(80)]


def words_of(commands):
    """Return the words that a shell makes of commands."""
    script = "labkit() { printf '%s\\0' \"$@\"; printf '\\0\\0'; }\n" + "\n".join(commands)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    return [part.split("\0") for part in done.stdout.split("\0\0\0")[:-1]]


def test_the_cell_is_read_back():
    options = MAGICS["finetune"]()
    for spec in SPECS:
        head, _, body = cell_text(spec, "tone").partition("\n")
        magic, *line = split_line(head)
        assert (magic, options.parse_args(line).name) == ("%%finetune", "tone")
        assert FinetuneSpec.from_mapping(read_cell(body, {})) == spec


def test_the_yaml_is_read_back():
    for spec in SPECS:
        assert FinetuneSpec.from_yaml(yaml_text(spec)) == spec


def test_the_command_is_read_back(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shell = words_of([command_text(spec, "tone") for spec in SPECS])
    command_line = parser()
    by_file = 0
    for spec, words in zip(SPECS, shell, strict=True):
        (tmp_path / "tone.yaml").write_text(yaml_text(spec), encoding="utf-8")
        args = command_line.parse_args(words)
        by_file += args.file is not None
        assert args.name == "tone"
        assert FinetuneSpec.from_mapping(given_settings(args)) == spec
    assert by_file < len(SPECS) / 4


def test_the_default_run_is_a_cell_that_says_what_it_takes():
    assert cell_text(FinetuneSpec(), "") == "%%finetune\nmodel: smollm2-135m\ndata: phrases\n"


def test_only_what_was_changed_is_shown():
    spec = FinetuneSpec(method="rslora", lora_alpha=8, learning_rate=3e-4, batch_size=8)
    assert command_text(spec, "a") == (
        "labkit finetune \\\n  --name a \\\n  --model smollm2-135m \\\n  --data phrases \\\n"
        "  --method rslora \\\n  --learning-rate 3e-4"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [(5e-4, "5e-4"), (1e-10, "1e-10"), (0.1, "0.1"), (3.0, "3"), (1e22, "1e22"), (True, "true"),
     (("q_proj", "v"), "[q_proj, v]"), (("yes",), '["yes"]'), ("a: b", '"a: b"')],
)  # fmt: skip
def test_a_value_is_written_as_one_types_it(value, text):
    assert as_text(value) == text


def test_yaml_reads_every_value_back_as_it_was():
    values = [*TEXTS, *LISTS, 0.1 + 0.2, 123456789.123, 2**31, 1e-7]
    found = [parse_yaml(f"x: {as_text(value)}")["x"] for value in values]
    assert [tuple(v) if isinstance(v, list) else v for v in found] == values
