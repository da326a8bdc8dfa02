# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 10. Capstone
#
# A task, its limits, and an empty cell. You choose the method, look at the rows, train, watch, measure, export, and write down
# what a reader must know. It is graded by what your model does.
#
# **The brief.** A maker of smart homes wants a model that hears which of twenty things a customer wants. It must run on a
# device without a GPU, in less than 160 MB. On 120 test commands it must be better than its base model beyond chance, and
# right in at least 70 of 100. You have at most 320 labelled commands and ten minutes of two cores.
#
# **You will be able to** carry a fine-tuning from a brief to a file that can be delivered, and defend its numbers.
#
# **Before:** labs 00 to 09, at least 03, 05 and 08. **Difficulty** ●●● · **importance** ●●● · **measured** on two cores without a
# GPU: {{minutes}} minutes, {{memory}} GB of memory.
#
# **If you are stuck:** `%lab hint 10.1`, `%lab solution 10.1`, `%lab skip 10.1`. What you look up is written down, and graded as such.

# %%
# %load_ext labkit

# %%
import labkit
from labkit.course import check, own_seed, predict, scored

# %% [markdown]
# Put your name, or the number your teacher gave you, in place of `"ada"`. Your seed follows from it: it draws your 320 rows and the
# order in which they are learned, so your model is nobody else's.

# %%
learner = "ada"
seed = own_seed(learner)
print("your seed:", seed)

# %% [markdown]
# ## Choose
# **Exercise 10.1.** *Which method?* Put a letter into `method_choice`: **a** full fine-tuning, as maximal quality is asked for ·
# **b** LoRA: 320 rows, a laptop, and a model that is merged and stored in 8 bits in the end · **c** QLoRA, because the device
# has little memory.

# %%
method_choice = None
### BEGIN SOLUTION
method_choice = "b"
### END SOLUTION

# %%
check("10.1", method_choice)

# %% [markdown]
# ## Look
# The report says what the rows are like before anything is trained on them.

# %% tags=["nbval-ignore-output"]
# %data intents

# %% [markdown]
# **Exercise 10.2.** *What does no model get?* Somebody who always says the most frequent intent of the test rows is right now and
# then. `rows.test` are the rows; work out `commonest`, the share that this gets right.

# %%
rows = labkit.load_data("intents")
commonest = None
### BEGIN SOLUTION
from collections import Counter

commonest = max(Counter(row.label for row in rows.test).values()) / len(rows.test)
### END SOLUTION

# %%
check("10.2", commonest)

# %% [markdown]
# ## Train
# A hasty try first, so that you know what too little looks like: four steps at a rate for full fine-tuning.

# %% tags=["nbval-ignore-output"]
hasty = labkit.finetune(name="hasty", data="intents", limit=320, learning_rate=1e-6, max_steps=4,
                        test_split="test[:120]", n_samples=0, seed=seed)

# %% [markdown]
# How right will yours be? Commit to a number before you train.

# %%
guess = None
### BEGIN SOLUTION
guess = 0.85
### END SOLUTION

# %%
predict("10", accuracy=guess)

# %% [markdown]
# **Exercise 10.3.** *Train it.* Make a run named `capstone` with `labkit.finetune`: `data="intents"`, `limit=320` at most,
# `test_split="test[:120]"` and `seed=seed`. The rest is your choice. It must be better than its base model beyond chance, and right in at
# least 70 of 100.

# %% tags=["nbval-ignore-output"]
capstone = None
### BEGIN SOLUTION
capstone = labkit.finetune(name="capstone", data="intents", limit=320, test_split="test[:120]", seed=seed,
                           num_train_epochs=2, learning_rate=5e-4, n_samples=0)
### END SOLUTION

# %%
check("10.3", capstone)

# %% tags=["nbval-ignore-output"]
if capstone:
    scored("10", accuracy=capstone.metrics["tuned"]["accuracy"])

# %% [markdown]
# ## Deliver
# **Exercise 10.4.** *Export it in 8 bits.* `labkit.optimize` with the precision `int8` returns the export; put it into `exported`.
# It must lose at most two points beside fp32, and take less than 160 MB.

# %% tags=["nbval-ignore-output"]
exported = None
### BEGIN SOLUTION
exported = labkit.optimize("capstone", precision="int8")
### END SOLUTION

# %%
check("10.4", exported)

# %% [markdown]
# ## Report
# **Exercise 10.5.** *What must a reader know?* Give `report`: a dictionary with `accuracy` of your tuned model on the test rows, `low` and
# `high` of its interval, `n`, the number of rows that it was judged by, and `base`, the accuracy of the base model on the same rows.

# %%
report = None
### BEGIN SOLUTION
found = capstone.metrics["tuned"]
report = {"accuracy": found["accuracy"], "low": found["interval"][0], "high": found["interval"][1], "n": found["n"],
          "base": capstone.metrics["base"]["accuracy"]}
### END SOLUTION

# %%
check("10.5", report)

# %% [markdown]
# ## Decide
# The test commands were written from templates that the training rows do not use, by the same people. The customers are other people.
#
# **Exercise 10.6.** *What do you tell the maker?* Put a letter into `decision`: **a** it is finished: the number is above 70 of 100 ·
# **b** deliver it to a few homes first, measure it on what these customers really say, and compare with this number · **c** it
# cannot be used before a larger model was tried.

# %%
decision = None
### BEGIN SOLUTION
decision = "b"
### END SOLUTION

# %%
check("10.6", decision)

# %% [markdown]
# ## Where you stand

# %% tags=["nbval-ignore-output"]
# %lab progress

# %% [markdown]
# ### What the course has shown
# 1. **The method follows from the means**: rows, memory, time, licence. LoRA is the usual answer, and not the only one.
# 2. **Rows decide.** No setting cures wrong labels.
# 3. **Measure, with n, an interval and something to compare with.** A larger number alone is no evidence.
# 4. **A tool saves work, not thought.** Each command can be explained before it is run.
# 5. **Think of delivery from the start.** A model that cannot run where it is needed was not worth training.
