"""What lies beside an exported graph, and what tells on another machine that it is whole."""

import json
import subprocess

import numpy as np
import pytest
from exported import save_tokenizer

from labkit import cli
from labkit.errors import ExportError
from labkit.export.deploy import checksums, foundry, genai, notices, probe
from labkit.export.deploy.verify import Check, Verification
from labkit.runtime.folder import write_section
from labkit.runtime.prompt import prompt_section
from labkit.spec import FinetuneSpec

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SMOLLM2 = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
    "<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% for message in messages %}"
    "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
"""Chat templates as the makers of these models publish them."""

USER = "<|im_start|>user\n{Content}<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture
def sealed(tmp_path):
    """A folder of four files under their checksums."""
    for name, text in {"a.txt": "one", "b.bin": "two", "deep/c.txt": "three", "d": ""}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    checksums.seal(tmp_path)
    return tmp_path


def test_checksums_are_those_of_sha256sum(sealed):
    # printf one | sha256sum
    one = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed  a.txt"
    assert one in (sealed / "SHA256SUMS").read_text().splitlines()
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=sealed, capture_output=True)
    assert done.returncode == 0, done.stdout


def test_a_folder_as_it_was_written_has_no_differences(sealed):
    found = checksums.differences(sealed)
    assert found.touched == set()
    assert found.sentence == "4 files are as they were written"


def test_one_changed_byte_is_found_and_its_file_named(sealed):
    (sealed / "deep" / "c.txt").write_text("thref")
    assert checksums.differences(sealed).sentence == "changed: deep/c.txt"


def test_missing_cut_off_and_unlisted_files_are_named_apart(sealed):
    (sealed / "a.txt").unlink()
    (sealed / "b.bin").write_text("tw")
    (sealed / "new.txt").write_text("x")
    found = checksums.differences(sealed)
    assert (found.missing, found.changed, found.extra) == (("a.txt",), ("b.bin",), ("new.txt",))
    assert found.sentence == "missing: a.txt; changed: b.bin; not listed: new.txt"


def test_what_tools_keep_in_hidden_folders_is_not_the_models(sealed):
    (sealed / ".git").mkdir()
    (sealed / ".git" / "HEAD").write_text("ref")
    assert checksums.differences(sealed).touched == set()


def prompted(folder, template, **section):
    """Return the prompt for Foundry Local of a tokenizer with this chat template."""
    save_tokenizer(folder)
    if template:
        (folder / "chat_template.jinja").write_text(template)
    write_section(folder, "prompt", section)
    return foundry.prompt_of(folder)


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        (CHATML, USER),
        (SMOLLM2, "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by "
                  "Hugging Face<|im_end|>\n" + USER),
        (GEMMA, "<s><start_of_turn>user\n{Content}<end_of_turn>\n<start_of_turn>model\n"),
        (None, "{Content}"),
    ],
    ids=["chatml", "smollm2", "gemma", "none"],
)  # fmt: skip
def test_a_chat_models_prompt_is_one_turn_of_its_template(template, wanted, tmp_path):
    assert prompted(tmp_path, template, form="chat") == wanted


def test_a_run_that_learned_a_template_is_asked_in_it(tmp_path):
    section = prompt_section(FinetuneSpec())  # phrases
    assert prompted(tmp_path, CHATML, **section) == (
        "Which tone has the phrase: joy, sadness, anger, fear, surprise or neutral?\n"
        "### Phrase: {Content}\n### Tone:"
    )


def test_a_template_that_one_text_cannot_fill_gives_way_to_the_chat(tmp_path):
    section = prompt_section(FinetuneSpec(data="tiny-code"))  # language and question
    assert prompted(tmp_path, CHATML, **section) == USER


def test_rows_without_any_form_are_asked_as_they_stand(tmp_path):
    assert prompted(tmp_path, CHATML, form="plain") == "{Content}"


def test_foundry_local_gets_the_models_name_and_prompt(tmp_path):
    prompted(tmp_path, CHATML, form="chat")
    template = {"assistant": "{Content}", "prompt": USER}
    assert foundry.inference_model(tmp_path, "tone-int8") == {
        "Name": "tone-int8",
        "PromptTemplate": template,
    }


def configured(folder, model, search, base):
    for name, values in base.items():
        (folder / name).write_text(json.dumps(values))
    (folder / "genai_config.json").write_text(json.dumps({"model": model, "search": search}))
    genai.adjust(folder, folder)
    return json.loads((folder / "genai_config.json").read_text())


def test_end_tokens_are_those_of_the_generation_settings(tmp_path):
    model = {"context_length": 8192, "eos_token_id": 2, "type": "llama"}
    base = {
        "generation_config.json": {"eos_token_id": [1, 106]},
        "config.json": {"eos_token_id": 1},
    }
    found = configured(tmp_path, model, {"max_length": 8192}, base)
    assert found["model"] == model | {"eos_token_id": [1, 106]}


def test_without_generation_settings_the_models_own_end_token_counts(tmp_path):
    found = configured(tmp_path, {"context_length": 9}, {}, {"config.json": {"eos_token_id": 7}})
    assert found["model"]["eos_token_id"] == 7


def test_answers_are_greedy_and_no_longer_than_the_model_reads(tmp_path):
    search = {"max_length": 100_000, "do_sample": True, "top_k": 50}
    found = configured(tmp_path, {"context_length": 2048}, search, {})["search"]
    assert (found["max_length"], found["do_sample"], found["top_k"]) == (2048, False, 50)


def test_a_configuration_without_a_model_is_refused(tmp_path):
    (tmp_path / "genai_config.json").write_text('{"model": {}}')
    with pytest.raises(ExportError, match="is no configuration of a model"):
        genai.adjust(tmp_path, None)


def test_base_and_data_are_named_with_their_licences(tmp_path):
    notices.write_notices(tmp_path, model="smollm2-135m", data="summaries", base=None)
    said = (tmp_path / "LICENSES.md").read_text()
    assert "SmolLM2 135M Instruct, made by Hugging Face TB" in said
    assert "Apache-2.0 (https://www.apache.org/licenses/LICENSE-2.0)" in said
    assert "CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)" in said


def test_a_custom_licence_comes_with_its_warning_and_the_makers_notices(tmp_path):
    base, folder = tmp_path / "base", tmp_path / "out"
    for one in (base, folder):
        one.mkdir()
    (base / "NOTICE.txt").write_text("Gemma is provided under its terms.")
    notices.write_notices(folder, model="gemma3-270m", data="phrases", base=base)
    said = (folder / "LICENSES.md").read_text()
    assert "'Gemma Terms of Use' is a custom licence" in said
    assert "beside this file: NOTICE.txt" in said
    assert (folder / "NOTICE.txt").read_text() == "Gemma is provided under its terms."


def test_a_local_models_licence_is_read_from_its_card_and_no_path_is_told(tmp_path):
    base = tmp_path / "mine"
    base.mkdir()
    (base / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    said = notices.of_model(str(base), base)
    assert said.startswith("Base model: `mine`. Licence: cc-by-nc-4.0.")
    assert "forbids commercial use" in said
    (tmp_path / "rows.csv").write_text("a\n")
    assert notices.of_data(str(tmp_path / "rows.csv")).startswith("Training rows: `rows.csv`.")


KEPT = {"ids": [5, 6], "logits": {"3": 2.0, "9": 1.5}, "tokens": [3, 8], "tolerance": 0.1}


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, ""),
        ({"logits": {"3": 2.09, "9": 1.41}}, ""),
        ({"logits": {"3": 2.0, "9": 1.75}}, "the largest difference is 0.25"),
        ({"logits": {"3": float("nan"), "9": 1.5}}, "the largest difference is nan"),
        ({"tokens": [3, 7]}, "new token 2 is another than the one recorded"),
        ({"ids": [5, 7]}, "the tokenizer reads the recorded text as other tokens"),
    ],
)
def test_an_answer_is_held_against_the_one_recorded(changed, wanted):
    got = {key: KEPT[key] for key in ("ids", "logits", "tokens")} | changed
    assert probe.fault(KEPT, got).endswith(wanted)
    assert bool(probe.fault(KEPT, got)) == bool(wanted)


def test_tokens_that_rounding_could_change_are_not_held_against_a_machine():
    logits = np.array([[3.0, 1.0, 0.0], [0.0, 5.0, 4.5], [2.0, 0.0, 2.0]], np.float32)
    # the best is ahead of the second by 2, 0.5 and 0
    assert [probe.n_decided(logits, margin) for margin in (0.1, 0.5, 1.0, 2.0)] == [2, 1, 1, 0]


def test_one_fault_makes_a_folder_unfit_and_a_thing_not_tried_does_not(tmp_path):
    good, skipped = Check("files", True, "fine"), Check("genai", None, "not installed")
    assert Verification(tmp_path, (good, skipped)).ok
    found = Verification(tmp_path, (good, skipped, Check("answers", False, "token 2 differs")))
    assert not found.ok
    assert repr(found).splitlines() == [
        f"{tmp_path} cannot be relied on here, 1 check failed.",
        "  ✓ files: fine",
        "  – genai: not installed",
        "  ✗ answers: token 2 differs",
    ]


def test_the_command_ends_with_1_where_files_are_not_what_they_were(sealed, capsys):
    (sealed / "model.onnx").write_text("no graph")
    with pytest.raises(SystemExit) as end:
        cli.main(["verify", str(sealed)])
    assert end.value.code == 1
    said = capsys.readouterr().out
    assert "✗ files: not listed: model.onnx" in said
    assert "– answers: not opened" in said


def test_a_folder_that_is_not_there_is_refused_in_a_sentence(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["verify", str(tmp_path / "nothing")])
    assert end.value.code == 1
    assert "There is no run" in capsys.readouterr().err


def test_a_folder_without_checksums_is_unfit(tmp_path, capsys):
    (tmp_path / "model.onnx").write_text("")
    with pytest.raises(SystemExit):
        cli.main(["verify", str(tmp_path)])
    assert "✗ files: there is no SHA256SUMS" in capsys.readouterr().out
