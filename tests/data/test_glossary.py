"""The data set `glossary` keeps what its card promises: one form, no term on both sides."""

import re
from collections import Counter

import pytest
from written import across_splits, overlap, read, words

PER_DOMAIN = {"train": 44, "validation": 6, "test": 10}
DOMAINS = ("finance", "legal", "medical")
COMMON = (
    "a an and are as at be because but by can each for from has have how if in into is it its not"
    " of on one or other so such than that the their them there these they this to up was when"
    " which while who with"
)
ALSO_CALLED = {
    "anaemia": "anemia", "bail": "bail bond", "balance sheet": "statement of financial position",
    "benign tumour": "noncancerous tumour", "collateral": "security", "common law": "case law",
    "concussion": "mild traumatic brain injury", "embolism": "embolus", "equity": "net assets",
    "exchange rate": "rate of exchange", "fever": "pyrexia", "fiscal year": "financial year",
    "fixed cost": "overhead", "fracture": "broken bone", "gross income": "gross pay",
    "guarantor": "surety", "haemorrhage": "bleeding", "hypertension": "high blood pressure",
    "insurance premium": "premium", "invoice": "bill", "landlord": "lessor",
    "leverage": "gearing", "mortgage": "home loan", "mutual fund": "unit trust",
    "neuron": "nerve cell", "palliative care": "comfort care", "placebo": "dummy pill",
    "platelet": "thrombocyte", "profit margin": "return on sales", "prosthesis": "artificial limb",
    "sepsis": "blood poisoning", "statute": "act of parliament",
    "statute of limitations": "limitation period", "stroke": "cerebrovascular accident",
    "subpoena": "witness summons", "suture": "stitch", "tariff": "customs duty",
    "transfusion": "blood transfusion", "ulcer": "open sore",
}  # fmt: skip


@pytest.fixture(scope="module")
def splits():
    return {split: read("glossary", split) for split in PER_DOMAIN}


@pytest.fixture(scope="module")
def rows(splits):
    return [row for split in splits.values() for row in split]


@pytest.mark.parametrize("split", PER_DOMAIN)
def test_every_domain_has_its_share_of_each_split(splits, split):
    found = Counter(row["domain"] for row in splits[split])
    assert found == dict.fromkeys(DOMAINS, PER_DOMAIN[split])


def test_a_row_has_a_domain_a_term_and_a_definition_and_nothing_else(rows):
    assert {tuple(row) for row in rows} == {("domain", "term", "definition")}
    assert {type(text) for row in rows for text in row.values()} == {str}


def test_the_domains_are_mixed_in_every_file(splits):
    for split in splits.values():
        domains = [row["domain"] for row in split]
        assert all(len(set(domains[i : i + 10])) >= 2 for i in range(0, len(domains) - 9, 5))


def test_terms_are_one_to_three_words_in_lower_case(rows):
    odd = [row["term"] for row in rows if not re.fullmatch(r"[a-z]+( [a-z]+){0,2}", row["term"])]
    assert odd == []


def test_a_definition_says_first_what_its_term_is(rows):
    def form(term):
        article = "An?" if term[0] in "aeiou" else "A"
        return rf"({article} {term}|{term.capitalize()}) is (an?|the) .*\."

    odd = [row for row in rows if not re.fullmatch(form(row["term"]), row["definition"])]
    assert odd == []


def test_an_article_fits_the_word_after_it(rows):
    found = [m for r in rows for m in re.findall(r"\b(an?) (\w+)", r["definition"].lower())]
    silent, hard = {"hour", "heir"}, {"unit", "union", "university", "used", "use", "user", "one"}

    def vowel(word):
        return word in silent or (word[0] in "aeiou" and word not in hard)

    assert [(a, word) for a, word in found if (a == "an") != vowel(word)] == []


def test_definitions_are_one_sentence_of_12_to_30_words(rows):
    texts = [row["definition"] for row in rows]
    assert [text for text in texts if not 12 <= len(text.split()) <= 30] == []
    assert [text for text in texts if re.search(r"[.?!;\n]", text[:-1])] == []
    assert [text for text in texts if text != " ".join(text.split())] == []


def test_a_definition_names_its_term_once(rows):
    for row in rows:
        assert words(row["definition"]).count(row["term"].split()[0]) == 1, row


def test_no_term_occurs_twice_and_no_definition_occurs_twice(rows):
    for column in ("term", "definition"):
        seen = Counter(tuple(words(row[column])) for row in rows)
        assert [key for key, times in seen.items() if times > 1] == []


def test_no_term_is_another_name_of_a_term(rows):
    terms = {row["term"] for row in rows}
    assert set(ALSO_CALLED) <= terms
    assert terms & set(ALSO_CALLED.values()) == set()


def test_no_two_terms_of_different_splits_share_a_word_or_a_beginning_of_six_letters(splits):
    def stems(row):
        return {word[:6] for word in words(row["term"])} - {"of"}

    assert [a & b for a, b in across_splits(splits, stems) if a & b] == []


def test_no_two_definitions_of_different_splits_share_more_than_a_quarter_of_their_words(splits):
    pairs = across_splits(splits, lambda row: set(words(row["definition"])) - set(COMMON.split()))
    assert [(a, b) for a, b in pairs if overlap(a, b) > 0.25] == []


def test_no_definition_of_one_split_shares_six_words_in_a_row_with_another(splits):
    def runs(row):
        own = words(row["definition"])
        return {tuple(own[i : i + 6]) for i in range(len(own) - 5)}

    assert [a & b for a, b in across_splits(splits, runs) if a & b] == []
