from __future__ import annotations

from pathlib import Path

import pytest
from support.command_line import CommandLine

from flowerpower.specs.text.passwords import without_passwords


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://ana:s3cret@r:6379/0", "redis://ana:******@r:6379/0"),
        ('redis: "rediss://:a b@r', 'redis: "rediss://:***@r'),
        ("redis://ana@r", "redis://ana@r"),
        ("redis://ana:${env:PASSWORD}@r", "redis://ana:${env:PASSWORD}@r"),
        ("redis://${env:USER}:s3${env:X}t@r", "redis://${env:USER}:**${env:X}*@r"),
        ("https://example.org/a:b and ana@example.org", "https://example.org/a:b and ana@example.org"),
        ("a://b:c@d, e://f:g@h", "a://b:*@d, e://f:*@h"),
        ("cron: 0 2 * * *", "cron: 0 2 * * *"),
    ],
)
def test_passwords_of_urls_become_stars(text: str, shown: str) -> None:
    assert without_passwords(text) == shown


@pytest.mark.parametrize(
    "line",
    [
        "redis: redis://ana:s3cret@r",
        'redis: "redis://ana:s3cret@r',
        "redis:redis://ana:s3cret@r",
        "redis: [redis://ana:s3cret@r",
        "redis: redis://ana: s3cret@r",
        "queues: redis://ana:s3cret@r",
        "guards: {max_delets: redis://ana:s3cret@r}",
    ],
)
@pytest.mark.parametrize("how", ["text", "json", "github", "gitlab", "sarif", "junit"])
def test_no_report_on_a_file_shows_a_password_in_it(line: str, how: str, tmp_path: Path) -> None:
    (tmp_path / "flowerpower.yaml").write_text(f"name: acme\n{line}\n")

    answer = CommandLine(tmp_path)("validate", "--format", how)

    assert answer.out
    assert "s3cret" not in answer.out + answer.err
