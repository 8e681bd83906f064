"""Make a new project from the template, and new specs in a project: they validate, plan and run at once.

`answers.py` says what a project is made of, `template.py` makes its files of `project_template/`, `writing.py` puts
them on the disk, all or none, and never over others; `specs.py` adds pipelines and schedules.
"""

from flowerpower.scaffold.answers import QUESTIONS, Answers, Ci, answers_for
from flowerpower.scaffold.names import name_from
from flowerpower.scaffold.project import init, kept_files, refuse_taken, start_repository
from flowerpower.scaffold.specs import Timing, modeline, new_pipeline, new_schedule
from flowerpower.scaffold.writing import write_new

__all__ = [
    "QUESTIONS",
    "Answers",
    "Ci",
    "Timing",
    "answers_for",
    "init",
    "kept_files",
    "modeline",
    "name_from",
    "new_pipeline",
    "new_schedule",
    "refuse_taken",
    "start_repository",
    "write_new",
]
