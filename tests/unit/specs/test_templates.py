"""What shells, workflows and DAGs would fill in: said where nothing fills it in, with what to write in its place."""

from __future__ import annotations

import pytest

from flowerpower.errors import Problem
from flowerpower.specs.loader import load

TEXTS = {
    "flowerpower.yaml": "name: acme\n",
    "pipelines/sales.yaml": "modules: [flow]\noutputs: [total]\n",
    "schedules/nightly.yaml": "pipeline: sales\nevery: 1h\n",
}
VARIABLES = {"NAME": "sales", "CRON": "@daily", "TZ": "UTC", "TIMEOUT": "5m"}


def problems_of(file: str, line: str) -> list[Problem]:
    start = TEXTS[file].replace("every: 1h\n", "") if "cron:" in line else TEXTS[file]
    texts = {**TEXTS, file: f"{start}{line}\n"}
    encoded = {path: text.encode() for path, text in texts.items()}
    return list(load(encoded, env="default", variables=VARIABLES).problems)


@pytest.mark.parametrize(
    ("file", "wrong", "code", "right"),
    [
        ("schedules/nightly.yaml", "inputs: {region: $NAME}", "FP024", 'inputs: {region: "${var:NAME}"}'),
        ("schedules/nightly.yaml", "inputs: {day: '$(date +%F)'}", "FP024", 'inputs: {day: "${tick:%Y-%m-%d}"}'),
        ("schedules/nightly.yaml", "inputs: {day: $(date +%Y%m%d)}", "FP024", 'inputs: {day: "${tick:%Y%m%d}"}'),
        ("schedules/nightly.yaml", "inputs: {day: $(date)}", "FP024", 'inputs: {day: "${tick:%Y-%m-%d}"}'),
        ("schedules/nightly.yaml", "inputs: {file: $NAME/a/b}", "FP024", 'inputs: {file: "${var:NAME}/a/b"}'),
        ("schedules/nightly.yaml", "inputs: {file: 'a/$NAME/b'}", "FP024", 'inputs: {file: "a/${var:NAME}/b"}'),
        ("schedules/nightly.yaml", "cron: $CRON", "FP303", 'cron: "${var:CRON}"'),
        ("schedules/nightly.yaml", "timezone: $TZ", "FP303", 'timezone: "${var:TZ}"'),
        ("schedules/nightly.yaml", "timeout: $TIMEOUT", "FP106", 'timeout: "${var:TIMEOUT}"'),
        ("schedules/nightly.yaml", "inputs: {a: '${env:NAME}'}", "FP203", "inputs: {a: '${var:NAME}'}"),
        ("schedules/nightly.yaml", "owner: ${env:NAME}", "FP203", "owner: ${var:NAME}"),
        ("schedules/nightly.yaml", "inputs:\n  a: ${{ vars.NAME }}", "FP204", "inputs:\n  a: ${var:NAME}"),
        ("schedules/nightly.yaml", "inputs: {a: !ENV NAME}", "FP012", 'inputs: {a: "${var:NAME}"}'),
        ("schedules/nightly.yaml", "inputs: {a: !secret token}", "FP012", 'inputs: {a: "${secret:token}"}'),
        ("flowerpower.yaml", "redis: $REDIS_URL", "FP103", 'redis: "${env:REDIS_URL}"'),
        ("flowerpower.yaml", "redis: ${REDIS_URL:-embedded}", "FP204", "redis: ${env:REDIS_URL:-embedded}"),
        ("flowerpower.yaml", "redis: ${{ secrets.REDIS_URL }}", "FP204", "redis: ${env:REDIS_URL}"),
    ],
)
def test_what_another_tool_would_fill_in_is_told_with_what_is_filled_in_here(
    file: str, wrong: str, code: str, right: str
) -> None:
    (problem,) = problems_of(file, wrong)

    assert problem.code == code
    assert right[right.index("${") : right.index("}") + 1] in problem.hint
    assert problems_of(file, right) == []


@pytest.mark.parametrize(
    "line",
    [
        "description: it costs $USD and more",
        "inputs: {price: $5, sep: $, end: a$, cash: $money}",
        "inputs: {pattern: '^a$|B$C'}",
        "inputs: {api_token: $ECRET}",
        "owner: $${NAME}",
    ],
)
def test_a_text_with_a_dollar_that_no_shell_would_touch_is_left_alone(line: str) -> None:
    assert problems_of("schedules/nightly.yaml", line) == []


def test_a_workflow_expression_that_has_no_kin_is_told_as_what_it_is() -> None:
    (problem,) = problems_of("schedules/nightly.yaml", "inputs:\n  a: ${{ format('x') }}")

    assert problem.what == "`${{` begins no placeholder: specs are no templates"
    assert problem.hint.startswith("write ${var:NAME} for what a variable gives")
