"""What is said of a base model before it is used: size, licence, warnings."""

import numpy as np
import pytest

from labkit import api
from labkit.catalog import model_notes
from labkit.catalog.licences import Licence, licence_in, n_parameters

CARD = "---\nlanguage: en\n{head}\ntags:\n- chat\n---\n# A model\nlicense: not-this-one\n"


@pytest.fixture
def folder(tmp_path):
    from safetensors.numpy import save_file

    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    tensors = {"a": np.zeros((300, 1000), np.float32), "b": np.zeros(7, np.float32)}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def with_card(folder, head):
    (folder / "README.md").write_text(CARD.format(head=head))
    return folder


def test_a_model_of_the_catalogue_is_named_with_size_and_licence():
    assert model_notes("smollm2-135m") == [
        "Base model: SmolLM2 135M Instruct, 134.5 M parameters, 541 MB on disk. "
        "Licence: Apache-2.0 (https://www.apache.org/licenses/LICENSE-2.0)."
    ]


def test_terms_of_their_own_are_called_a_custom_licence():
    line, warning = model_notes("gemma3-270m")
    assert "https://ai.google.dev/gemma/terms" in line
    assert "'Gemma Terms of Use' is a custom licence, read it" in warning


def test_a_local_model_is_measured_and_its_card_is_read(folder):
    assert n_parameters([folder / "model.safetensors"]) == 300_007
    (line,) = model_notes(str(with_card(folder, "license: apache-2.0")))
    assert line == f"Base model: {folder}, 0.3 M parameters, 1 MB on disk. Licence: apache-2.0."


def test_without_a_card_the_licence_is_unknown(folder):
    (line,) = model_notes(str(folder))
    assert line.endswith("Licence: unknown, no card says it.")


@pytest.mark.parametrize(
    ("head", "name", "url"),
    [
        ("license: mit", "mit", None),
        ("about:\n  license: gpl-3.0\nlicense: mit", "mit", None),
        ('license: "cc-by-nc-4.0"\r', "cc-by-nc-4.0", None),
        ("license:\n- mit\n- apache-2.0", "mit, apache-2.0", None),
        ("license: [mit, apache-2.0]", "mit, apache-2.0", None),
        ("license: other\nlicense_name: tiny-1\nlicense_link: https://x.org/l", "tiny-1", "https://x.org/l"),
        ("license: other", "a licence of its own", None),
        ("licence: mit", None, None),
    ],
)  # fmt: skip
def test_the_licence_is_read_from_the_head_of_the_card(folder, head, name, url):
    assert licence_in(with_card(folder, head)) == Licence(name, url)


@pytest.mark.parametrize(
    "name", ["apache-2.0", "MIT", "BSD-3-Clause", "CC BY 4.0", "mit, isc", None]
)
def test_standard_licences_that_allow_commerce_need_no_warning(name):
    assert Licence(name).warning is None


@pytest.mark.parametrize(
    "name",
    ["cc-by-nc-4.0", "CC BY-NC-SA 3.0", "research only", "qwen-research", "mit, cc-by-nc-4.0"],
)
def test_a_licence_that_forbids_commerce_is_a_warning(name):
    assert "forbids commercial use" in Licence(name).warning


@pytest.mark.parametrize("name", ["llama3.2", "openrail", "a licence of its own", "mit, llama2"])
def test_other_licences_are_to_be_read(name):
    assert "custom licence, read it" in Licence(name).warning


def test_a_hub_model_that_is_not_here_points_to_its_page(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example")
    (line,) = model_notes("nobody/nothing-like-this")
    assert line == (
        "Base model: nobody/nothing-like-this, not fetched yet; size and licence are on "
        "https://hub.example/nobody/nothing-like-this."
    )


def test_a_dry_run_begins_with_the_base_model(folder):
    with_card(folder, "license: cc-by-nc-4.0")
    first, second, *_ = repr(api.preview(model=str(folder))).splitlines()
    assert first.startswith(f"Base model: {folder}, 0.3 M parameters")
    assert "forbids commercial use" in second
