# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1. Introduction to fine-tuning
#
# Fine-tuning begins with a model that has read a lot, and lets it practise one task. It is said to save time, data, money
# and memory, and to end better than training from scratch. In this lab you do both on the same rows and find out which of
# these five claims hold here, and by how much.
#
# **You will be able to** see a base model fail and a tuned one succeed · train a model from scratch and say why it stays
# behind · put a number on time, data, cost and quality · say what transfer learning keeps.
#
# **Before:** lab 00. **Difficulty** ●○○ · **importance** ●●● · **measured** on two cores without a GPU: {{minutes}} minutes,
# {{memory}} GB of memory.
#
# **If you are stuck:** `%lab hint 1.1`, `%lab solution 1.1`, `%lab skip 1.1`.

# %%
# %load_ext labkit

# %%
import labkit
from labkit.course import check, predict, scored

# %% [markdown]
# ### The task
# A phrase is given, its tone is asked: joy, sadness, anger, fear, surprise or neutral. A person needs no training for it,
# because a person knows what words mean. Does a model?

# %%
rows = labkit.load_data("phrases")
print(rows.test[0].prompt + "⟶" + rows.test[0].completion)
print(len(rows.train), "rows to learn from,", len(rows.test), "to be judged by")

# %% [markdown]
# ### Two models to begin with
# The first is SmolLM2, which its makers trained on two million million tokens of text. The second has the same architecture
# (the same kinds of layers, the same tokenizer), and has read nothing: its weights are random. So that it can be trained whole
# in two gigabytes it is smaller: 8 layers in place of 30, and 192 channels in place of 576.

# %% tags=["nbval-ignore-output"]
small = labkit.untrained("smollm2-135m", "models/small", config={
    "num_hidden_layers": 8, "hidden_size": 192, "intermediate_size": 512,
    "num_attention_heads": 3, "num_key_value_heads": 1})

# %% [markdown]
# **Exercise 1.1.** *How much of the small model is its vocabulary?* Each of the 49 152 tokens has a vector of 192 numbers,
# used for input and output alike. A layer has seven linear maps, `q` and `o` 192 → 192, `k` and `v` 192 → 64, `gate` and `up`
# 192 → 512, `down` 512 → 192, and two norms of 192; one more norm follows the last layer. Work out `vocabulary_share`:
# vocabulary vectors as a share of all parameters.

# %%
vocabulary_share = None
### BEGIN SOLUTION
layer = 2 * 192 * 192 + 2 * 192 * 64 + 3 * 192 * 512 + 2 * 192
vocabulary_share = 49152 * 192 / (49152 * 192 + 8 * layer + 192)
### END SOLUTION

# %%
check("1.1", vocabulary_share)

# %% [markdown]
# ### Predict before you run
# Blind guessing gets one of six right, 0.17. What will SmolLM2 get before it was tuned (`base`), after 60 steps of fine-tuning
# (`tuned`), and the small model after it has seen all rows twelve times (`scratch`)? Shares of the 120 test phrases, 0 to 1.

# %%
guess_base, guess_tuned, guess_scratch = None, None, None
### BEGIN SOLUTION
guess_base, guess_tuned, guess_scratch = 0.4, 0.85, 0.5
### END SOLUTION

# %%
predict("1", base=guess_base, tuned=guess_tuned, scratch=guess_scratch)

# %% [markdown]
# ### Fine-tune the one
# LoRA (lab 03) trains a small addition and leaves the weights as they are.

# %% tags=["nbval-ignore-output"]
# %%finetune introduced
data: phrases
max_steps: 60
n_samples: 3
seed: 0

# %% [markdown]
# ### Train the other from scratch
# Every weight learns (`method: full`), at a rate that suits random weights.

# %% tags=["nbval-ignore-output"]
# %%finetune scratch
model: models/small
data: phrases
method: full
learning_rate: 1e-3
num_train_epochs: 12
n_samples: 3
seed: 0

# %% tags=["nbval-ignore-output"]
print(f"{'model':11} {'tokens/s':>9} {'seconds':>8} {'peak MB':>8} {'accuracy':>9}  interval")
for run in (introduced, scratch):
    training, found = run.metrics["training"], run.metrics["tuned"]
    print(f"{run.name:11} {training['tokens_per_second']:>9.0f} {training['seconds']:>8.0f} "
          f"{training['peak_bytes'] / 1e6:>8.0f} {found['accuracy']:>9.2f}  "
          f"{found['interval'][0]:.2f} to {found['interval'][1]:.2f}")

# %%
print("tuned beats the base model:", introduced.metrics["tuned"]["accuracy"] > introduced.metrics["base"]["accuracy"])
print("untrained, the small one guesses:", scratch.metrics["base"]["accuracy"] < 0.3)

# %% tags=["nbval-ignore-output"]
scored("1", base=introduced.metrics["base"]["accuracy"], tuned=introduced.metrics["tuned"]["accuracy"],
       scratch=scratch.metrics["tuned"]["accuracy"])

# %% [markdown]
# **Exercise 1.2.** *Quality: is the tuned model better than the one from scratch?* Both answered the same 120 phrases. Compare
# their intervals, `introduced.metrics["tuned"]["interval"]` and that of `scratch`, and put `"better"`, `"worse"` or
# `"not shown"` into `verdict`: not shown where the intervals overlap.

# %%
verdict = None
### BEGIN SOLUTION
tuned, other = introduced.metrics["tuned"]["interval"], scratch.metrics["tuned"]["interval"]
verdict = "better" if tuned[0] > other[1] else "worse" if tuned[1] < other[0] else "not shown"
### END SOLUTION

# %%
check("1.2", verdict)

# %% [markdown]
# ### Data: how few rows are enough?
# The same fine-tuning with 48 rows, eight of each tone, in place of 510.

# %% tags=["nbval-ignore-output"]
# %%finetune few
data: phrases
limit: 48
max_steps: 40
n_samples: 0
seed: 0

# %%
print("rows:", 48, "beside", len(rows.train))
print("48 rows and a base model beat 510 rows from scratch:",
      few.metrics["tuned"]["accuracy"] > scratch.metrics["tuned"]["accuracy"])

# %% [markdown]
# What went wrong with the small one? Its record says so: the training loss fell to almost nothing, while the validation loss rose
# from the second pass on. It learned 510 phrases by heart. What a word means that was in none of them, it cannot know.

# %% tags=["nbval-ignore-output"]
print(f"training loss of the last step {scratch.metrics['training']['last_loss']:.3f}")
print("validation:", [round(event["eval_loss"], 2) for event in scratch.of("eval")])

# %% [markdown]
# **Exercise 1.3.** *Time: what would it take to train SmolLM2 from scratch on this machine?* Its makers used 2 · 10¹² tokens.
# Take `introduced.metrics["training"]["tokens_per_second"]` as the speed (full training would be slower still) and a year of
# 365 · 24 · 3600 seconds. Work out `years`.

# %%
years = None
### BEGIN SOLUTION
years = 2e12 / introduced.metrics["training"]["tokens_per_second"] / (365 * 24 * 3600)
### END SOLUTION

# %%
check("1.3", years)

# %% [markdown]
# **Exercise 1.4.** *Cost: what did the fine-tuning cost?* Suppose a core costs 0.05 € an hour, and you paid for two while
# `introduced` trained: `introduced.metrics["training"]["seconds"]`. Work out `cents`.

# %%
cents = None
### BEGIN SOLUTION
cents = 100 * 2 * 0.05 * introduced.metrics["training"]["seconds"] / 3600
### END SOLUTION

# %%
check("1.4", cents)

# %% [markdown]
# ### What is kept
# Fine-tuning is transfer learning: what was learned for one purpose serves another.
#
# **Exercise 1.5.** *Where is what SmolLM2 knew, after the fine-tuning with LoRA?* Put a letter into `kept`: **a** in the weights
# of the base model, which are unchanged; the adapter adds to them · **b** in the adapter, which took it over · **c** gone; the
# model knows tones now and nothing else.

# %%
kept = None
### BEGIN SOLUTION
kept = "a"
### END SOLUTION

# %%
check("1.5", kept)

# %% [markdown]
# ### What you have seen
# | claimed benefit | measured here |
# |---|---|
# | time | minutes in place of centuries for the whole model; the small one from scratch takes seconds a pass, and stays behind |
# | data | 48 labelled rows with a base model go further than 510 without |
# | cost | less than a cent |
# | quality | the tuned model is better by more than the intervals |
# | resources | two cores, no GPU. The small model from scratch needs less memory still: it is smaller, and worse |
#
# Where this comparison ends: the model from scratch is smaller than the tuned one, as one of the same size does not fit into two
# gigabytes while all of its weights learn. More labelled rows would help it; nobody had them.
#
# **Try next:** `limit: 12` (two rows a tone) · a bigger untrained model · `%generate introduced --source base`.
