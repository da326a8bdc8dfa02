# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 2. Why it matters
#
# Three kinds of use are named for fine-tuning: a domain with its own wording (medicine, law, finance), a task (a style,
# a programming language, a pair of languages), and a company with its own terms. You adapt the same small model to each, and put a number
# on what it gained. You also meet a case in which something simpler than fine-tuning does as well.
#
# **You will be able to** measure an adaptation with a number that fits it · tell learning a form from learning facts · say
# when not to fine-tune.
#
# **Before:** labs 00 and 01. **Difficulty** ●○○ · **importance** ●●○ · **measured** on two cores without a GPU: {{minutes}}
# minutes, {{memory}} GB of memory.
#
# **If you are stuck:** `%lab hint 2.1`, `%lab solution 2.1`, `%lab skip 2.1`.

# %%
# %load_ext labkit

# %%
import csv
import itertools
import random

import labkit
from labkit.course import check, predict, scored

# %% [markdown]
# ## A domain: the wording of medicine, law and finance
# `glossary` has 180 terms with one sentence each, all written in one form. The model is judged by terms it was not trained on.

# %%
rows = labkit.load_data("glossary")
for row in rows.train[:3]:
    print(row.prompt.splitlines()[-1], "⟶", row.completion.strip())

# %% [markdown]
# Perplexity says among how many equally likely tokens the model feels it must choose when it reads the right answer. The base
# model's perplexity on the definitions is about 11. Guess: what will it be after 34 steps?

# %%
guess_perplexity = None
### BEGIN SOLUTION
guess_perplexity = 6
### END SOLUTION

# %%
predict("2", perplexity=guess_perplexity)

# %% tags=["nbval-ignore-output"]
# %%finetune wording
data: glossary
num_train_epochs: 2
n_samples: 2
seed: 0

# %% tags=["nbval-ignore-output"]
base, tuned = wording.metrics["base"], wording.metrics["tuned"]
print(f"perplexity {base['perplexity']:.2f} → {tuned['perplexity']:.2f}")

# %%
print("terms:", tuned["n"])
print("less surprised by the right definitions:", tuned["perplexity"] < base["perplexity"])

# %% tags=["nbval-ignore-output"]
scored("2", perplexity=tuned["perplexity"])

# %% [markdown]
# **Exercise 2.1.** *How many bits are saved a token?* Perplexity is 2 to the power of the surprise in bits. Work out `bits`:
# the surprise of the base model minus that of the tuned one, from both perplexities.

# %%
bits = None
### BEGIN SOLUTION
import math

bits = math.log2(base["perplexity"] / tuned["perplexity"])
### END SOLUTION

# %%
check("2.1", bits)

# %% [markdown]
# Now read what it writes about terms it never saw.

# %% tags=["nbval-ignore-output"]
unseen = rows.test[:4]
said = labkit.generate([row.prompt for row in unseen], run="wording", raw=True, max_new_tokens=40)
for row, answer in zip(unseen, said, strict=True):
    print(f"reference: {row.completion.strip()}\nmodel:     {answer.strip()}\n")

# %% [markdown]
# **Exercise 2.2.** *What has it learned?* Compare the form and the content of the answers. Put a letter into `learned`: **a** the
# facts about these terms, from the 132 training rows · **b** the form and the manner of a definition; what it says about an unseen term comes from
# what the base model knew, and can be wrong · **c** nothing, as the perplexity only measures length.

# %%
learned = None
### BEGIN SOLUTION
learned = "b"
### END SOLUTION

# %%
check("2.2", learned)

# %% [markdown]
# ## A task: another language
# The model was made for English. Here are ten nouns and ten adjectives with their German; four in five of the hundred pairs are to
# learn from, the rest is asked.

# %%
NOUNS = {"house": "das Haus", "car": "das Auto", "book": "das Buch", "lamp": "die Lampe", "door": "die Tür",
         "bag": "die Tasche", "dog": "der Hund", "tree": "der Baum", "table": "der Tisch", "train": "der Zug"}
ADJECTIVES = {"red": "rote", "green": "grüne", "old": "alte", "new": "neue", "small": "kleine",
              "big": "große", "good": "gute", "fast": "schnelle", "loud": "laute", "warm": "warme"}
pairs = list(itertools.product(ADJECTIVES, NOUNS))
random.Random(0).shuffle(pairs)


def german(adjective, noun):
    article, word = NOUNS[noun].split()
    return f"{article} {ADJECTIVES[adjective]} {word}"


with open("german.csv", "w", encoding="utf-8", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["english", "german"])
    writer.writerows([f"the {adjective} {noun}", german(adjective, noun)] for adjective, noun in pairs)

print(german("red", "house"), "·", german("loud", "door"), "·", german("old", "dog"))

# %% [markdown]
# **Exercise 2.3.** *Is the test fair?* Work out two numbers: `repeated`, how many of the twenty pairs in `pairs[80:]` are also
# among the first eighty, and `new_words`, how many words of the twenty (adjectives and nouns) occur in none of the eighty.

# %%
repeated, new_words = None, None
### BEGIN SOLUTION
learn, ask = pairs[:80], pairs[80:]
repeated = len(set(learn) & set(ask))
new_words = len({word for pair in ask for word in pair} - {word for pair in learn for word in pair})
### END SOLUTION

# %%
check("2.3", repeated, new_words)

# %% tags=["nbval-ignore-output"]
# %%finetune translator
data: german.csv
split: "train[:80]"
eval_split: "train[80:]"
text_template: "Translate into German.\nEnglish: {english}\nGerman: {german}"
task: generation
num_train_epochs: 6
learning_rate: 5e-4
n_samples: 2
seed: 0

# %% tags=["nbval-ignore-output"]
exact = {name: translator.metrics[name]["exact_match"] for name in ("base", "tuned")}
print("right, letter by letter:", exact)

# %%
print("the tuned one puts known words together in new ways:", exact["tuned"] >= 0.5)
print("the base model could not:", exact["base"] <= 0.1)

# %% tags=["nbval-ignore-output"]
# %%generate translator --max-new-tokens 16
the green train
the clever cat

# %% [markdown]
# The first is a pair it may have met or not; *clever* and *cat* it met never. Eighty rows taught it to combine twenty
# words, not German.
#
# ## A company: its own terms
# A maker of smart homes has twenty things that a customer can want. Eight commands of each are enough to begin with.

# %% tags=["nbval-ignore-output"]
# %%finetune company
data: intents
limit: 160
max_steps: 40
test_split: "test[:100]"
n_samples: 0
seed: 0

# %%
print("the tuned one knows the company's terms better:",
      company.metrics["tuned"]["accuracy"] > company.metrics["base"]["accuracy"])

# %% [markdown]
# ### Is there something simpler?
# Count the words of each command, and take the intent whose commands share most of them: no network, no training, a
# millisecond. Before you fine-tune, know what this gets.

# %%
intents = labkit.load_data("intents", limit=160)


def words(row):
    return set(row.prompt.lower().split())


def nearest(row):
    return max(intents.train, key=lambda known: len(words(row) & words(known)) / len(words(row) | words(known))).label


asked = intents.test[:100]
simple = sum(nearest(row) == row.label for row in asked) / len(asked)
print(f"nearest by words: {simple:.2f}")

# %% [markdown]
# **Exercise 2.4.** *What would you tell the company?* The model reads the same hundred commands. `company.metrics["tuned"]["interval"]` is its
# interval; compare it with `simple`. Put `"fine-tune"` into `advice` where the whole interval lies above `simple`, `"words"`
# where it lies below, and `"not shown"` where `simple` is inside.

# %%
advice = None
### BEGIN SOLUTION
low, high = company.metrics["tuned"]["interval"]
advice = "fine-tune" if low > simple else "words" if high < simple else "not shown"
### END SOLUTION

# %%
check("2.4", advice)

# %% [markdown]
# ### What you have seen
# - Each adaptation took a few minutes and a number of its own: perplexity for wording, exact match for a translation, accuracy for
#   intents.
# - A small model learns form, manner and combination from few rows. Facts that the base model lacks it does not learn from
#   132 sentences; for those, give it the text to read.
# - A word count is no joke: where it does as well, it is the better answer.
#
# **Try next:** `data: tiny-code` (a programming language) · `data: instructions` (a house style) · `data: my.csv` with your own
# company's terms.
