"""What magic, command and program call: fine-tune, resume, evaluate, optimise, generate, delete."""

from .adopt import adopt, is_adoptable
from .answerer import Answerer
from .combine import combine
from .cross_evaluate import cross_evaluate
from .data import data_report
from .delete import delete, deletion, disk_use
from .diagnose import ShownDiagnosis, diagnose
from .evaluate import add_metrics, evaluate
from .find_lr import find_lr
from .finetune import Prepared, Preview, finetune, load_data, prepare, preview, resume
from .generate import Answers, generate
from .job_file import job_file
from .load import load
from .merge import merge
from .olive import asked_of_olive, explain_olive, olive
from .olive_export import olive_export
from .optimize import optimize
from .plan import Plan, foreseen, plan
from .rated import RatingResults
from .rating import RatingForms, latest_rating, rate
from .ratings import ratings
from .scaling import ShownScaling, scaling
from .show_code import ShownCode, show_code
from .staging import attach
from .sweep import join_sweep, resume_sweep, sweep
from .verify import verify

__all__ = [
    "Answerer",
    "Answers",
    "Plan",
    "Prepared",
    "Preview",
    "RatingForms",
    "RatingResults",
    "ShownCode",
    "ShownDiagnosis",
    "ShownScaling",
    "add_metrics",
    "adopt",
    "asked_of_olive",
    "attach",
    "combine",
    "cross_evaluate",
    "data_report",
    "delete",
    "deletion",
    "diagnose",
    "disk_use",
    "evaluate",
    "explain_olive",
    "find_lr",
    "finetune",
    "foreseen",
    "generate",
    "is_adoptable",
    "job_file",
    "join_sweep",
    "latest_rating",
    "load",
    "load_data",
    "merge",
    "olive",
    "olive_export",
    "optimize",
    "plan",
    "prepare",
    "preview",
    "rate",
    "ratings",
    "resume",
    "resume_sweep",
    "scaling",
    "show_code",
    "sweep",
    "verify",
]
