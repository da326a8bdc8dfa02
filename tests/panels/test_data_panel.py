"""The panel of a data set, without a page: rows, filters, findings, and the template as typed."""

import time
from hashlib import sha256

import pytest

from labkit import panels
from labkit.api import data_report
from labkit.errors import SpecError
from labkit.panels.data_table import PAGE
from labkit.report import plain
from labkit.spec import FinetuneSpec

TEMPLATE = "Say: {text}\nLabel: {label}"
WORDS = ["river", "stone", "cloud", "ember", "maple", "harbour", "velvet", "thunder"]


def rows(n):
    """Return rows of which no two are nearly alike; the label follows the number."""
    names = [sha256(str(i).encode()).hexdigest()[:12] for i in range(n)]
    return [
        {"text": f"{WORDS[i % 8]} {names[i]} no{i}.", "label": ("odd", "even")[i % 2]}
        for i in range(n)
    ]


@pytest.fixture(scope="module")
def messy():
    """60 rows: row 51 repeats row 1, row 52 contradicts row 2, row 53 ends with a blank."""
    found = rows(60)
    found[50] = dict(found[0])
    found[51] = {**found[1], "label": "odd"}
    found[52] = {**found[52], "text": found[52]["text"] + " "}
    return found


@pytest.fixture(scope="module", autouse=True)
def no_cache(tmp_path_factory):
    """No model's tokenizer: lengths are in words."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def shared(messy):
    panel = panels.data(messy, text_template=TEMPLATE)
    assert panel.wait()
    return panel, tuple(panel.lines)


@pytest.fixture
def panel(shared):
    """The panel as it is at the beginning."""
    panel, lines = shared
    panel.lines = list(lines)
    panel.filters.reset()
    panel.pages.field.value = 1
    panel.editor.fields["text_template"].value = TEMPLATE
    panel.editor.form.value = "one text"
    return panel


def numbers(panel):
    return sorted(line.row.number for line in panel._found)


def status(panel):
    return [name for name in panel.root._dom_classes if name.startswith("labkit-is-")]


def test_the_report_is_that_of_the_data_magic(panel, messy):
    report = str(data_report(messy, text_template=TEMPLATE))
    wanted = [line for line in report.splitlines() if line.strip().startswith(("-", "even", "odd"))]
    said = plain(panel.blocks())
    assert [line for line in wanted[1:] if line not in said] == []
    assert status(panel) == ["labkit-is-ready"]


def test_a_page_has_twenty_rows_and_never_the_rest(panel):
    html = panel._rows.value
    assert html.count('<th scope="row"') == PAGE
    assert "no19." in html
    assert "no20." not in html
    panel.pages.buttons["Page ▶"].click()
    assert "no20." in panel._rows.value
    assert "no19." not in panel._rows.value
    assert panel.pages.at == PAGE


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("label", "even", [i for i in range(1, 61) if i % 2 == 0 and i != 52]),
        ("text", "RIVER no32.", [33]),
        ("doubles", True, [1, 2, 51, 52]),
        ("problems", True, [51, 52, 53]),
        ("least", 100, []),
    ],
)
def test_a_filter_leaves_the_rows_that_fit(panel, name, value, found):
    getattr(panel.filters, name).value = value
    assert numbers(panel) == found
    assert f"{len(found)} of them fit" in panel._counted()


def test_splits_are_disjoint_and_hold_all_rows(panel):
    parts = {}
    for split in ("train", "validation"):
        panel.filters.split.value = split
        parts[split] = numbers(panel)
    assert sorted(parts["train"] + parts["validation"]) == list(range(1, 61))
    sizes = panel.quality.sizes
    assert {split: len(part) for split, part in parts.items()} == sizes


def test_lengths_are_those_of_prompt_and_completion(messy):
    panel = panels.data(messy, prompt_template="{text} end", completion_template="{label}")
    assert panel.wait()
    assert {line.length for line in panel.lines} == {5}  # three words, "end", the label
    panel.filters.most.value = 4
    assert numbers(panel) == []


def test_filters_on_many_rows_answer_quickly(panel):
    panel.lines = 334 * panel.lines
    assert len(panel.lines) == 20_040
    changes = [
        ("split", "train"), ("label", "odd"), ("least", 5), ("most", 9), ("problems", True),
        ("problems", False), ("doubles", True), ("doubles", False), ("text", "river no16."),
    ]  # fmt: skip
    for name, value in changes:
        start = time.thread_time()
        getattr(panel.filters, name).value = value
        assert time.thread_time() - start < 0.3
        assert len(panel._rows.value) < 20_000
    assert numbers(panel) in ([17] * 334, [])  # as it falls to training or to validation


def test_the_chosen_row_is_rendered_as_one_types(panel):
    field = panel.editor.fields["text_template"]
    assert field.value == TEMPLATE
    panel.filters.text.value = "no7."
    field.value = "Phrase {text}\nIts label: {label}"
    html = panel.editor._rendered.value
    assert "no7." in html
    assert "Its label:<mark> even</mark>" in html
    assert 'text_template: "Phrase {text}\\nIts label: {label}"' in panel.settings.value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Phrase {txt}: {label}", "Did you mean &#x27;text&#x27;?"),
        ("no place", "text_template has no {column} place"),
        ("{text}{label}", "needs fixed text before its last place {label}"),
        ("{text", "text_template is not a template"),
    ],
)
def test_a_template_that_a_run_would_refuse_is_said_in_the_same_words(panel, text, said):
    panel.editor.fields["text_template"].value = text
    assert said in panel.editor._said.value
    assert panel.editor.apply.disabled
    panel.editor.fields["text_template"].value = TEMPLATE
    assert panel.editor._said.value == '<div role="alert"></div>'
    assert not panel.editor.apply.disabled


def test_columns_are_buttons_that_write_their_place(panel):
    panel.editor.fields["text_template"].value = "Which? {text} → "
    press = {one.description: one for one in panel.editor.columns.children}
    assert list(press) == ["{text}", "{label}"]
    press["{label}"].click()
    assert panel.editor.fields["text_template"].value == "Which? {text} → {label}"


def test_two_templates_are_settings_of_their_own(panel):
    panel.editor.form.value = "prompt and completion"
    panel.editor.fields["prompt_template"].value = "{text}?"
    assert "go together" in panel.editor._said.value
    panel.editor.fields["completion_template"].value = " {label}!"
    assert panel.editor.spec() == FinetuneSpec(
        data=panel.spec.data, prompt_template="{text}?", completion_template=" {label}!"
    )
    assert "text_template" not in panel.settings.value
    assert "data: {{rows}}\n" in panel.settings.value


def test_all_rows_are_read_with_the_new_template(messy):
    panel = panels.data(messy[:20], text_template=TEMPLATE)
    assert panel.wait()
    panel.editor.fields["text_template"].value = "{text} is {label}"
    panel.editor.apply.click()
    assert panel.wait()
    assert panel.lines[0].example.prompt.endswith(" no0. is")
    assert panel.spec.text_template == "{text} is {label}"


def test_a_catalogued_set_brings_its_template_and_asks_for_no_setting():
    panel = panels.data()
    assert panel.wait()
    assert "{phrase}" in panel.editor.fields["text_template"].value
    assert panel.settings.value == "model: smollm2-135m\ndata: phrases\n"


def test_rows_that_a_run_would_refuse_are_listed_with_the_reason(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text(
        "text,label\n" + "".join(f"word {i},{'ab'[i % 2]}\n" for i in range(40)) + "x,\n"
    )
    panel = panels.data(str(file), text_template=TEMPLATE)
    assert panel.wait()
    panel.filters.problems.value = True
    (line,) = panel._found
    assert (line.row.number, line.split) == (41, "not used")
    assert line.remarks[0] == "cannot be used"
    assert "A run would refuse this data" in plain(panel.blocks())


def test_a_file_that_is_not_there_is_said_in_the_panel_and_a_wrong_setting_is_raised():
    panel = panels.data("no-such-file.csv")
    assert panel.wait()
    assert "There is no data set and no file" in panel._said.value
    assert status(panel) == ["labkit-is-failed"]
    with pytest.raises(SpecError, match="no setting 'text_templat'"):
        panels.data(text_templat="x")


def test_chats_are_shown_as_turns_and_need_no_template():
    turns = [
        [{"role": "user", "content": f"Question {i}?"}, {"role": "assistant", "content": f"A {i}."}]
        for i in range(20)
    ]
    panel = panels.data([{"messages": one} for one in turns])
    assert panel.wait()
    assert "user: Question 0? · assistant: A 0." in panel._rows.value
    assert "<mark>A 0.</mark>" in panel.editor._rendered.value
    assert "chat template" in panel.editor._hint.value


def test_texts_from_the_data_cannot_write_html(tmp_path):
    found = rows(20)
    found[0]["text"] = '<img src=x onerror=alert(1)> "quoted" ' + "long " * 60
    panel = panels.data(found, text_template=TEMPLATE)
    assert panel.wait()
    for html in (panel._rows.value, panel.editor._rendered.value):
        assert "<img" not in html
        assert "&lt;img" in html
