# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 8. Evaluation and monitoring
#
# A number without its number of rows, its interval and something to compare it with says little. In this lab you work out
# the usual metrics by hand, let labkit compute them, and read the record of a run: loss, validation loss, memory, speed.
#
# **You will be able to** compute accuracy, F1, perplexity and an interval yourself · say which metric misleads when · read a
# pair of loss curves · compare two models on the same rows.
#
# **Before:** labs 00 and 05. **Difficulty** ●●○ · **importance** ●●● · **measured** on two cores without a GPU: {{minutes}}
# minutes, {{memory}} GB of memory.
#
# **If you are stuck:** `%lab hint 8.1`, `%lab solution 8.1`, `%lab skip 8.1`.

# %%
# %load_ext labkit

# %%
import math

import labkit
from labkit.course import check, predict, scored

# %% [markdown]
# ### Accuracy can flatter
# A shop gets 1000 messages, 20 of which are complaints. A model marks 30 messages as complaints, and 15 of these are.
#
# **Exercise 8.1.** *How good is it?* Work out `accuracy` (right of all 1000) and `f1` of the complaints: precision is 15 of
# 30, recall 15 of 20, F1 their harmonic mean 2·p·r / (p + r).

# %%
accuracy, f1 = None, None
### BEGIN SOLUTION
accuracy = (15 + 965) / 1000  # 15 complaints found, 980 - 15 others left alone
f1 = 2 * (15 / 30) * (15 / 20) / (15 / 30 + 15 / 20)
### END SOLUTION

# %%
check("8.1", accuracy, f1)

# %% [markdown]
# A model that never marks anything has an accuracy of 0.98 there, the same as this one. That is why a report shows the F1 of
# each label, and what the most frequent label alone would reach.
#
# ### Perplexity
# The loss is the mean surprise per token, in nats. Perplexity is `exp` of it: the model is as unsure as if it chose among so
# many equally likely tokens.
#
# **Exercise 8.2.** *Three tokens got the probabilities 1/2, 1/4 and 1/8. What is the perplexity?*

# %%
perplexity = None
### BEGIN SOLUTION
perplexity = math.exp(-sum(math.log(p) for p in (1 / 2, 1 / 4, 1 / 8)) / 3)
### END SOLUTION

# %%
check("8.2", perplexity)

# %% [markdown]
# ### How sure is an accuracy?
# Of 120 phrases a model gets 108 right: 0.90. On other phrases of the same kind it would get a few more or fewer. The interval
# of Wilson (1927) says which accuracies go with 108 of 120:
#
# $$\frac{p + z^2/2n \pm z\sqrt{p(1-p)/n + z^2/4n^2}}{1 + z^2/n}, \quad z = 1.96$$
#
# **Exercise 8.3.** *Work out both ends*, `low` and `high`, for 108 of 120.

# %%
low, high = None, None
### BEGIN SOLUTION
n, p, z = 120, 108 / 120, 1.96
middle, reach = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
low, high = (middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n)
### END SOLUTION

# %%
check("8.3", low, high)

# %% [markdown]
# ### A run, watched
# The run of lab 05, with validation every sixteen steps. Guess first: at which step of the 128 will the validation loss be at
# its lowest?

# %%
guess_step = None
### BEGIN SOLUTION
guess_step = 100
### END SOLUTION

# %%
predict("8", step=guess_step)

# %% tags=["nbval-ignore-output"]
# %%finetune watched
data: phrases
learning_rate: 5e-4
num_train_epochs: 2
eval_steps: 16
n_samples: 2
seed: 0

# %% tags=["nbval-ignore-output"]
losses = {event["step"]: event["eval_loss"] for event in watched.of("eval")}
for step, loss in losses.items():
    print(f"step {step:4}  validation loss {loss:.4f}")

# %% [markdown]
# **Exercise 8.4.** *Which checkpoint is kept?* `losses` maps steps to validation losses. Put the step that
# `load_best_model_at_end` keeps into `best_step`.

# %%
best_step = None
### BEGIN SOLUTION
best_step = min(losses, key=losses.get)
### END SOLUTION

# %%
check("8.4", best_step)

# %% tags=["nbval-ignore-output"]
scored("8", step=watched.metrics["training"]["best_step"])

# %% [markdown]
# ### Overfitting, on paper
# **Exercise 8.5.** *What do you see?* The training loss falls from 2.0 to 0.1; the validation loss falls from 2.0 to 0.9 until
# step 60 and rises to 1.6 by step 200. Put a letter into `finding`: **a** the rate is too low · **b** the model learns the rows
# by heart from about step 60 on · **c** the validation rows are wrong, as both losses must fall.

# %%
finding = None
### BEGIN SOLUTION
finding = "b"
### END SOLUTION

# %%
check("8.5", finding)

# %% [markdown]
# ### Two models on the same rows
# Base and tuned model were asked about the same 120 phrases, so they are compared in pairs: only phrases that one gets right
# and the other wrong tell them apart (McNemar, 1947).

# %% tags=["nbval-ignore-output"]
paired = watched.metrics["comparison"]["paired"]
print(paired)

# %%
found = watched.metrics
print("phrases:", found["tuned"]["n"])
print("the difference is beyond chance:", paired["p_value"] < 0.05)
print("better than always the same label:", found["tuned"]["accuracy"] > 1 / 6)

# %% [markdown]
# **Exercise 8.6.** *Macro F1 by hand.* `found["tuned"]["confusion"]` has true tones as rows and answers as columns. F1 of a tone
# is 2·right / (its row's sum + its column's sum). Work out `macro_f1`, the mean over the six tones.

# %%
macro_f1 = None
### BEGIN SOLUTION
table = found["tuned"]["confusion"]
sums = [sum(row) + sum(line[i] for line in table) for i, row in enumerate(table)]
macro_f1 = sum(2 * table[i][i] / sums[i] for i in range(len(table))) / len(table)
### END SOLUTION

# %%
check("8.6", macro_f1)

# %% [markdown]
# ### What it took
# Memory, processor and speed were written down while it learned; the picture above has them over time.

# %% tags=["nbval-ignore-output"]
training = watched.metrics["training"]
print(f"{training['seconds']:.0f} s, {training['tokens_per_second']:.0f} tokens/s, peak {training['peak_bytes'] / 1e9:.2f} GB")

# %% [markdown]
# ### What you have seen
# - Accuracy hides a rare label; F1 of each label does not.
# - 120 rows leave an accuracy of 0.90 uncertain by about five points in each direction.
# - The lowest validation loss, not the last step, is what is kept.
#
# **Try next:** `%evaluate watched --metrics macro_f1,ece` · `report_to: tensorboard` and `%tensorboard watched` ·
# `%rate` for people's judgement.
