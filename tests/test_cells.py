import pytest

from labkit.errors import SpecError
from labkit.notebook.cells import read_cell, split_line


def test_an_object_gets_into_a_cell_by_its_name():
    rows = [{"prompt": "a", "completion": "b"}]
    assert read_cell("data: {{rows}}\nr: 4", {"rows": rows}) == {"r": 4, "data": rows}


def test_a_template_keeps_its_own_braces():
    cell = 'text_template: "Q: {q}\\nA: {a}"'
    assert read_cell(cell, {}) == {"text_template": "Q: {q}\nA: {a}"}


def test_an_unknown_variable_offers_the_nearest():
    with pytest.raises(SpecError) as caught:
        read_cell("data: {{row}}", {"rows": []})
    assert caught.value.args == (
        "There is no variable 'row' for {{row}}.",
        "Did you mean 'rows'?",
    )


def test_open_quotes_are_said():
    with pytest.raises(SpecError, match="No closing quotation"):
        split_line("demo 'half")
