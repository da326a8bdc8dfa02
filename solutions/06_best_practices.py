# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 6. Best practices
#
# Good practice comes as a list of advice. In this lab each piece of it is something that happens: rows that contradict each
# other cost accuracy, a rate that is too small costs a run, a split without a rule misses a label. Where the usual advice does not hold
# here, you see that too.
#
# **You will be able to** find what is wrong with rows before training on them · split so that every label is judged ·
# measure a learning rate · work out batch, steps and the point where a run stops · choose a base model and a method.
#
# **Before:** labs 03, 05. **Difficulty** ●●○ · **importance** ●●● · **measured** on two cores without a GPU: {{minutes}}
# minutes, {{memory}} GB of memory.
#
# **If you are stuck:** `%lab hint 6.1`, `%lab solution 6.1`, `%lab skip 6.1`.

# %%
# %load_ext labkit

# %%
import csv
import math
import random

import labkit
from labkit.course import check, predict, scored

# %% [markdown]
# ## Data: quality before quantity
# The first file has 120 phrases with their tones. The second has twice as many rows: the same 120, and 120 more that somebody
# labelled in a hurry, so that every other label is wrong; a few rows were pasted twice.

# %%
rows = labkit.load_data("phrases").train
tones = sorted({row.label for row in rows})
dice = random.Random(7)


def phrase(row):
    return row.prompt.splitlines()[1].removeprefix("### Phrase: ")


some = dice.sample(rows, 240)
good = [(phrase(row), row.label) for row in some[:120]]
hurried = [(phrase(row), row.label if n % 2 else dice.choice([t for t in tones if t != row.label]))
           for n, row in enumerate(some[120:])]
for name, part in (("good", good), ("many", good + hurried + hurried[:9])):
    with open(f"{name}.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("phrase", "tone"), *part])

# %% [markdown]
# Look at the rows before you train on them.

# %% tags=["nbval-ignore-output"]
# %data many.csv --text-template "### Phrase: {phrase}\n### Tone: {tone}"

# %% [markdown]
# **Exercise 6.1.** *How many rows are there twice?* Count in `many.csv`: `doubles`, rows that repeat an earlier row.

# %%
doubles = None
### BEGIN SOLUTION
with open("many.csv", encoding="utf-8") as file:
    lines = list(csv.reader(file))[1:]
doubles = len(lines) - len({tuple(line) for line in lines})
### END SOLUTION

# %%
check("6.1", doubles)

# %% [markdown]
# Which file makes the better model, when both are trained for 40 steps and judged by the same 120 phrases that nobody labelled in a
# hurry? Guess the accuracy of each.

# %%
guess_good, guess_many = None, None
### BEGIN SOLUTION
guess_good, guess_many = 0.8, 0.7
### END SOLUTION

# %%
predict("6", good=guess_good, many=guess_many)

# %% [markdown]
# So that both are judged alike, both files end with the same test phrases, and `test_split` names them.

# %%
test = [(phrase(row), row.label) for row in labkit.load_data("phrases").test]
for name, part in (("good", good), ("many", good + hurried + hurried[:9])):
    with open(f"{name}.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("phrase", "tone"), *part, *test])
same = {"text_template": "### Phrase: {phrase}\n### Tone: {tone}", "test_split": "train[-120:]", "max_steps": 40,
        "n_samples": 0, "seed": 0}

# %% tags=["nbval-ignore-output"]
good_run = labkit.finetune(name="good", data="good.csv", split="train[:-120]", **same)

# %% tags=["nbval-ignore-output"]
many_run = labkit.finetune(name="many", data="many.csv", split="train[:-120]", **same)

# %% tags=["nbval-ignore-output"]
for run in (good_run, many_run):
    found = run.metrics["tuned"]
    print(f"{run.name:5} {found['accuracy']:.2f}  {found['interval'][0]:.2f} to {found['interval'][1]:.2f}")
scored("6", good=good_run.metrics["tuned"]["accuracy"], many=many_run.metrics["tuned"]["accuracy"])

# %%
print("half the rows, all of them right, do at least as well:",
      good_run.metrics["tuned"]["accuracy"] >= many_run.metrics["tuned"]["accuracy"] - 0.02)

# %% [markdown]
# ## A split that judges every label
# Of 480 rows, 24 have a rare label. You take 48 rows (10 %) for validation, at random.
#
# **Exercise 6.2.** *How likely is it that none of the rare rows is among them?* Each of the 24 stays out with a chance of about
# 0.9. Work out `missed` (an approximation within a tenth will do). A stratified split takes 10 % of each label, and never misses one.

# %%
missed = None
### BEGIN SOLUTION
missed = math.comb(456, 48) / math.comb(480, 48)
### END SOLUTION

# %%
check("6.2", missed)

# %% [markdown]
# ## The learning rate
# The course text says: begin with 1e-5 to 1e-4. That is good advice for full fine-tuning. LoRA starts from a correction of nought, and
# usually needs more. Measure it: `%%find_lr` trains a copy while the rate grows, and keeps nothing but the figure.

# %% tags=["nbval-ignore-output"]
# %%find_lr rates
data: phrases

# %% [markdown]
# And now the test of it: forty steps with the text's lowest rate, and with ours.

# %% tags=["nbval-ignore-output"]
timid = labkit.finetune(name="timid", data="phrases", learning_rate=1e-5, max_steps=40, n_samples=0, seed=0)

# %% tags=["nbval-ignore-output"]
usual = labkit.finetune(name="usual", data="phrases", learning_rate=5e-4, max_steps=40, n_samples=0, seed=0)

# %% tags=["nbval-ignore-output"]
for run in (timid, usual):
    print(f"{run.name:6} last loss {run.metrics['training']['last_loss']:.2f}  accuracy {run.metrics['tuned']['accuracy']:.2f}"
          f"  {run.metrics['tuned']['interval']}")

# %% [markdown]
# **Exercise 6.3.** *Is the higher rate better here?* Compare the intervals of `usual` with those of `timid`: `"better"`, `"worse"` or `"not
# shown"` (they overlap) into `higher_rate`.

# %%
higher_rate = None
### BEGIN SOLUTION
first, second = usual.metrics["tuned"]["interval"], timid.metrics["tuned"]["interval"]
higher_rate = "better" if first[0] > second[1] else "worse" if first[1] < second[0] else "not shown"
### END SOLUTION

# %%
check("6.3", higher_rate)

# %% [markdown]
# ## Batch and steps
# **Exercise 6.4.** *How many rows make a step, and how many steps make three passes?* In Transformers' names: two
# processes, each with `per_device_train_batch_size: 4` and `gradient_accumulation_steps: 4`, over 510 rows; a pass's last step takes what is left.
# Work out `effective_batch` and `max_steps`.

# %%
effective_batch, max_steps = None, None
### BEGIN SOLUTION
effective_batch = 2 * 4 * 4
max_steps = 3 * math.ceil(510 / effective_batch)
### END SOLUTION

# %%
check("6.4", effective_batch, max_steps)

# %% [markdown]
# ## When to stop
# A run is validated every 20 steps, and these were its losses: 1.31, 0.92, 0.81, 0.84, 0.80, 0.83, 0.86, 0.79.
#
# **Exercise 6.5.** *At which step does it stop with `early_stopping_patience: 2`?* It stops when two validations in a row are no
# better than the best so far. Work out `stops_at`.

# %%
stops_at = None
### BEGIN SOLUTION
best, waited = math.inf, 0
for number, loss in enumerate([1.31, 0.92, 0.81, 0.84, 0.80, 0.83, 0.86, 0.79], start=1):
    best, waited = (loss, 0) if loss < best else (best, waited + 1)
    if waited == 2:
        stops_at = 20 * number
        break
### END SOLUTION

# %%
check("6.5", stops_at)

# %% [markdown]
# The model of step 100 is the one that is kept (`load_best_model_at_end`), and every validation left a checkpoint: a machine that
# fails costs twenty steps, not the run. `%finetune --resume NAME` goes on from there.
#
# ## Base model and method
# The dry run says what a base model is, before it costs you anything: parameters, size, licence.

# %% tags=["nbval-ignore-output"]
# %models

# %% [markdown]
# **Exercise 6.6.** *Which would you take?* A company wants to sell a device with 4 GB of memory that answers in its own terms. It has 400
# labelled rows and a laptop. Put a letter into `choice_of`: **a** full fine-tuning of a model of 8 billion parameters under a
# licence for research · **b** LoRA on a model of some hundred million parameters under a licence that allows sale, in 8 bits ·
# **c** a model of its own, trained from scratch on the 400 rows.

# %%
choice_of = None
### BEGIN SOLUTION
choice_of = "b"
### END SOLUTION

# %%
check("6.6", choice_of)

# %% [markdown]
# ### What you have seen
# - Twice the rows with a quarter of wrong labels gained nothing. The report found the doubled rows before a step was taken.
# - The advice "1e-5 to 1e-4" is for full fine-tuning. With LoRA and few steps it hardly moves the model; a rate can be measured.
# - Batch, steps and stopping are arithmetic: do it before the run, not after.
#
# **Try next:** `lr_scheduler_type: cosine` with `--dry-run` (the schedule is drawn) · `augment: [swap_words]` · `%plan` with
# `--budget 1GB`.
