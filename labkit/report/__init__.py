"""What a run looks like: HTML for a notebook, text, a page, a model card. Reads the record only."""

from .blocks import Picture
from .card import write_card
from .chart_schedule import schedule_picture
from .diagnosed import diagnosis_blocks
from .export_card import export_card
from .html import bundle, final, fragment, links, live
from .kept import KeptPictures
from .markdown import fenced
from .page import write_report
from .plaintext import line, plain, progress_line, text
from .planned import plan_blocks, plan_line, plan_of, too_large, what_fits
from .rating_page import rating_page
from .ratings import ratings_html, ratings_text
from .rungs import kept_models
from .said import TextAnswers, answers_view
from .scaling import Scaling, scaling
from .table import Plain, RunsTable, runs_table
from .views import NotebookView, SilentView, TextView, Watcher, watcher

__all__ = [
    "KeptPictures",
    "NotebookView",
    "Picture",
    "Plain",
    "RunsTable",
    "Scaling",
    "SilentView",
    "TextAnswers",
    "TextView",
    "Watcher",
    "answers_view",
    "bundle",
    "diagnosis_blocks",
    "export_card",
    "fenced",
    "final",
    "fragment",
    "kept_models",
    "line",
    "links",
    "live",
    "plain",
    "plan_blocks",
    "plan_line",
    "plan_of",
    "progress_line",
    "rating_page",
    "ratings_html",
    "ratings_text",
    "runs_table",
    "scaling",
    "schedule_picture",
    "text",
    "too_large",
    "watcher",
    "what_fits",
    "write_card",
    "write_report",
]
