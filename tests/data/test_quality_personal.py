"""Personal data by its form: published example numbers, and the same with one digit changed."""

import pytest

from labkit.data.quality import inspect_data
from labkit.data.quality.personal import masked, personal_in
from labkit.spec import FinetuneSpec

EXAMPLES = {
    "e-mail address": ["jane.doe+lab@mail.example.org"],
    "IBAN": [
        "FI2112345600000785",
        "DE89 3704 0044 0532 0130 00",
        "GB29 NWBK 6016 1331 9268 19",
        "SI56 2633 0001 2039 086",
    ],
    "payment card number": ["4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005"],
    "Finnish identity code": ["131052-308T"],
    "Estonian personal code": ["37605030299"],
    "Swedish personal number": ["811218-9876", "19811218-9876"],
    "Slovenian identity number (EMŠO)": ["0101006500006"],
    "IP address": ["192.0.2.146", "2001:db8:0:0:8:800:200c:417a"],
    "phone number": ["+358 40 123 4567", "0044 20 7946 0958", "040 123 4567", "(555) 010-4567"],
}
CHECKED = [
    kind for kind in EXAMPLES if kind not in ("e-mail address", "IP address", "phone number")
]


def found(text):
    return [(kind.name, value) for kind, value in personal_in(text)]


@pytest.mark.parametrize(("kind", "value"), [(k, v) for k, vs in EXAMPLES.items() for v in vs])
def test_published_examples_are_found_once_in_a_sentence(kind, value):
    assert found(f"Please note {value}, thank you.") == [(kind, value)]


@pytest.mark.parametrize(("kind", "value"), [(k, v) for k in CHECKED for v in EXAMPLES[k]])
def test_a_number_with_another_last_digit_is_not_of_that_kind(kind, value):
    at = max(i for i, c in enumerate(value) if c.isdigit())
    wrong = value[:at] + str((int(value[at]) + 1) % 10) + value[at + 1 :]
    assert kind not in [name for name, _ in found(f"Please note {wrong}, thank you.")]


@pytest.mark.parametrize(
    "text",
    [
        "It was 12:30:45 on 2024-05-17, version 1.2.3.4.5 of 1,250,000 copies.",
        "Order 4711 costs 1 234.50 in the years 1999-2004, pages 100-200.",
        "The server listens at 127.0.0.1.",
        "A date of 32 May: 320552-308T, 37613330299.",
        "Scores: 3-0, 2-1, 11-9; call 112.",
    ],
)
def test_other_numbers_are_no_personal_data(text):
    assert found(text) == []


def test_values_are_masked_and_counted_with_their_rows(tmp_path):
    texts = [f"word {i} here" for i in range(20)]
    texts[2] = "a@b.example and c@d.example"
    texts[6] = "c@d.example again"
    lines = [f"{text},answer {i}" for i, text in enumerate(texts)]
    (tmp_path / "a.csv").write_text("prompt,completion\n" + "\n".join(lines))
    (mail,) = inspect_data(FinetuneSpec(data="a.csv"), base=tmp_path).personal
    assert (mail.n, mail.places) == (3, (("a.csv", 3), ("a.csv", 7)))
    assert mail.masked == (masked("a@b.example"), masked("c@d.example"))
    assert "b.example" not in str(mail)
