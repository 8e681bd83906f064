"""`plan --untrusted` on a checkout of an attacker, with the real command line, a real git and a real Redis."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from support.command_line import CommandLine, look
from support.redis_state import dump_keys

SECRET = "hunter2"
PROJECT = "name: acme\nmodules: [flows]\ntimezone: Europe/Berlin\nenvironments: {prod: {}}\n"


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A program that leaves a file behind when it is run."""
    program = tmp_path / "trap"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/harm\n')
    program.chmod(0o755)
    return program


def sprung(trap: Path) -> bool:
    """Tell whether the trap was run, and set it again."""
    harm = trap.parent / "harm"
    found = harm.exists()
    harm.unlink(missing_ok=True)
    return found


class Listener:
    """A port that notes whether somebody connects to it, and hangs up."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.heard = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._socket.accept()[0].close()
                self.heard.set()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def elsewhere() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


@pytest.mark.parametrize(
    "connection",
    [
        "redis://127.0.0.1:{port}/0",
        "redis://:${{env:CI_TOKEN}}@127.0.0.1:{port}/0",
        "redis+sentinel://127.0.0.1:{port}/main",
        "{{sentinels: ['127.0.0.1:{port}'], service: main}}",
    ],
)
def test_the_redis_of_the_checkout_is_not_asked(applied: CommandLine, elsewhere: Listener, connection: str) -> None:
    applied.write("flowerpower.yaml", f"{PROJECT}redis: {connection.format(port=elsewhere.port)}\n")

    assert look(applied, CI_TOKEN=SECRET).last == "No changes."
    nowhere = look(applied, FLOWERPOWER_REDIS="", CI_TOKEN=SECRET)
    assert nowhere.code == 1
    assert "the checkout does not say which Redis is read" in nowhere.err
    assert not elsewhere.heard.is_set()

    applied("plan", FLOWERPOWER_REDIS="", CI_TOKEN=SECRET)
    assert elsewhere.heard.wait(5)  # the trap works: without the flag it is asked


def test_an_embedded_redis_would_be_started_on_files_of_the_checkout(applied: CommandLine) -> None:
    answer = look(applied, "--redis", "embedded")

    assert (answer.code, "does not say which Redis" in answer.err) == (1, True)
    assert not (applied.folder / ".flowerpower").exists()


PLACES = ("description", "owner", "queue", "timezone", "cron")


@pytest.mark.parametrize("everywhere", [True, False])
@pytest.mark.parametrize(
    "kind", ["env:CI_TOKEN", "secret:CI_TOKEN", "var:CI_TOKEN", "env:CI_TOKEN:-x", "env:CI_TOKEN:?x"]
)
def test_no_value_of_the_environment_is_shown_or_sent(
    applied: CommandLine, redis_connection: redis.Redis, tmp_path: Path, kind: str, everywhere: bool
) -> None:
    text = f'"${{{kind}}}"'
    others = "".join(f"{place}: {text}\n" for place in PLACES) if everywhere else "every: 1h\n"
    applied.write("schedules/hourly.yaml", f"pipeline: report\ninputs: {{number: 1, x: {text}, {text}: 2}}\n{others}")
    summary, outputs = tmp_path / "summary", tmp_path / "outputs"
    before = dump_keys(redis_connection)
    github = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(outputs)}

    answer = look(applied, "--json", "-v", CI_TOKEN=SECRET, FLOWERPOWER_SECRET_CI_TOKEN=SECRET, **github)

    written = "".join(file.read_text() for file in (summary, outputs) if file.exists())
    assert SECRET not in answer.out + answer.err + written
    assert dump_keys(redis_connection) == before


NAMES = ("sitecustomize", "usercustomize", "conftest", "redis", "yaml", "typing", "dataclasses", "hamilton", "_crmd")


def test_no_module_of_the_checkout_is_imported(applied: CommandLine, trap: Path) -> None:
    code = f"import subprocess\nsubprocess.run(['{trap}'], stdin=subprocess.DEVNULL)\n"
    for name in NAMES:
        applied.write(f"{name}.py", code)
    applied.write("flows/flow.py", f"{code}\n\ndef doubled(number: int) -> int:\n    return number * 2\n")
    applied.write("flows/__init__.py", code)
    applied.write("setup.cfg", "[options]\n")

    for arguments in ([], ["--json"], ["--format", "markdown"], ["--ref", "HEAD"]):
        answer = look(applied, *arguments)
        assert answer.code == 0, answer.err
    assert not sprung(trap)


def test_a_python_that_takes_modules_from_the_checkout_is_refused(applied: CommandLine) -> None:
    for environment in ({"PYTHONSAFEPATH": ""}, {"PYTHONPATH": str(applied.folder)}):
        path = environment.get("PYTHONPATH", "")
        parents = [str(Path(__file__).resolve().parents[3]), path]
        answer = look(applied, **{**environment, "PYTHONPATH": ":".join(filter(None, parents))})
        assert answer.code == 3
        assert "takes modules from the checkout" in answer.err


def run_git(folder: Path, *arguments: str) -> None:
    """Run git as people do, whatever becomes of it."""
    command = ["git", *arguments]
    subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=30)


Sabotage = Callable[[CommandLine, Path], list[str]]


def monitor(line: CommandLine, trap: Path) -> list[str]:
    line.git("config", "core.fsmonitor", str(trap))
    return ["status"]


def hooks(line: CommandLine, trap: Path) -> list[str]:
    folder = line.folder / "hooks"
    folder.mkdir()
    for name in ("post-index-change", "pre-commit", "post-checkout", "reference-transaction"):
        (folder / name).symlink_to(trap)
    line.git("config", "core.hooksPath", "hooks")
    (line.folder / "flowerpower.yaml").touch()
    return ["status"]


def clean_filter(line: CommandLine, trap: Path) -> list[str]:
    line.write(".gitattributes", "*.yaml filter=evil diff=evil\n")
    line.git("config", "filter.evil.clean", str(trap))
    line.git("config", "diff.evil.textconv", str(trap))
    line.git("config", "diff.external", str(trap))
    line.write("schedules/hourly.yaml", "pipeline: report\nevery: 2h\n")
    return ["diff"]


def process_filter(line: CommandLine, trap: Path) -> list[str]:
    line.write(".gitattributes", "*.yaml filter=evil\n")
    line.git("config", "filter.evil.process", str(trap))
    line.write("schedules/hourly.yaml", "pipeline: report\nevery: 3h\n")
    return ["status"]


def signature(line: CommandLine, trap: Path) -> list[str]:
    commit = subprocess.run(["git", "cat-file", "commit", "HEAD"], cwd=line.folder, capture_output=True, check=True)
    head, _, message = commit.stdout.partition(b"\n\n")
    signed = head + b"\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\n" + message
    made = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"],
        cwd=line.folder, input=signed, capture_output=True, check=True,
    )  # fmt: skip
    line.git("update-ref", "HEAD", made.stdout.decode().strip())
    line.git("config", "log.showSignature", "true")
    line.git("config", "gpg.program", str(trap))
    return ["log", "-1"]


def promised_objects(line: CommandLine, trap: Path) -> list[str]:
    """Leave out the commit that was applied last: git would fetch it, by a program of the attacker's choice."""
    line.write("schedules/hourly.yaml", "pipeline: report\nevery: 2h\n")
    line.commit()
    assert line("apply", "--auto-approve").code == 0
    lost = line.git("rev-parse", "HEAD")
    line.git("update-ref", "refs/heads/main", "HEAD~1")
    (line.folder / f".git/objects/{lost[:2]}/{lost[2:]}").unlink()
    line.git("config", "extensions.partialClone", "origin")
    line.git("config", "core.repositoryFormatVersion", "1")
    line.git("config", "remote.origin.promisor", "true")
    line.git("config", "remote.origin.url", f"ext::{trap} %S")
    line.git("config", "protocol.ext.allow", "always")
    line.git("config", "core.sshCommand", str(trap))
    return ["cat-file", "-e", f"{lost}^{{commit}}"]


def promised_over_ssh(line: CommandLine, trap: Path) -> list[str]:
    control = promised_objects(line, trap)
    line.git("config", "remote.origin.url", "ssh://git.example/acme")
    return control


@pytest.mark.parametrize(
    "sabotage", [monitor, hooks, clean_filter, process_filter, signature, promised_objects, promised_over_ssh]
)
def test_git_runs_nothing_of_the_repository(applied: CommandLine, trap: Path, sabotage: Sabotage) -> None:
    control = sabotage(applied, trap)
    sprung(trap)

    for arguments in ([], ["--json"], ["--ref", "HEAD"]):
        look(applied, *arguments)
        assert not sprung(trap), arguments

    run_git(applied.folder, *control)
    assert sprung(trap)  # the trap works: git itself runs it


@pytest.mark.parametrize("sabotage", [monitor, hooks, signature])
def test_also_a_trusted_plan_runs_no_hook_no_monitor_and_no_program_for_signatures(
    applied: CommandLine, trap: Path, sabotage: Sabotage
) -> None:
    sabotage(applied, trap)
    sprung(trap)

    assert applied("plan").code == 0
    assert not sprung(trap)


def test_a_folder_that_looks_like_a_repository_itself_is_refused_and_runs_nothing(
    applied: CommandLine, trap: Path
) -> None:
    """All of this can be committed, unlike a `.git`."""
    data = applied.folder / "data"
    data.mkdir()
    for name in ("flowerpower.yaml", "pipelines", "schedules", "flows"):
        (applied.folder / name).rename(data / name)
    for name in ("objects/keep", "refs/keep"):
        (data / name).parent.mkdir()
        (data / name).touch()
    (data / "HEAD").write_text("ref: refs/heads/main\n")
    (data / "config").write_text(
        f"[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = {data}\n\tfsmonitor = {trap}\n"
    )
    inside = CommandLine(data, applied.environment)

    trusted, answer = inside("plan"), look(inside)
    assert not sprung(trap)
    assert (trusted.code, answer.code) == (1, 1)
    assert "remove the files HEAD, config" in answer.err
    run_git(data, "status")
    assert sprung(trap)


@pytest.mark.parametrize("path", ["schedules/hourly.yaml", "schedules/more", "flowerpower.yml", "flows"])
def test_a_link_that_leaves_the_checkout_shows_nothing_of_what_it_leads_to(
    applied: CommandLine, tmp_path: Path, path: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.yaml").write_text(f"{SECRET}: [{SECRET}\n")
    (outside / "flow.py").write_text(f"def doubled(number: int) -> int:\n    {SECRET} = 1\n    return number\n")
    link = applied.folder / path
    if link.is_dir():
        for file in link.iterdir():
            file.unlink()
        link.rmdir()
    link.unlink(missing_ok=True)
    link.symlink_to(outside if "." not in path else outside / "secret.yaml")

    answer = look(applied, "--json")

    assert answer.code == 1
    assert SECRET not in answer.out + answer.err


def test_the_namespace_of_another_repository_is_not_shown(applied: CommandLine, redis_connection: redis.Redis) -> None:
    applied.git("remote", "add", "origin", "https://git.example/acme")
    applied.write("schedules/nightly.yaml", f'pipeline: report\ncron: "0 2 * * *"\ndescription: {SECRET}\n')
    assert applied("apply", "--auto-approve").code == 0
    applied.write("schedules/nightly.yaml", 'pipeline: report\ncron: "0 2 * * *"\n')

    for url in ("https://git.example/attacker", None):
        applied.git("remote", "remove", "origin")
        if url:
            applied.git("remote", "add", "origin", url)
        answer = look(applied, "--json")
        assert answer.code == 3
        assert "was applied from another repository" in answer.err
        assert SECRET not in answer.out + answer.err


@pytest.mark.parametrize("name", ["acme.prod", "acme:default", "../acme", "acme--default", "a*", "a\\nb", "-->"])
def test_a_name_reaches_no_other_key(applied: CommandLine, name: str) -> None:
    applied.write("flowerpower.yaml", PROJECT.replace("name: acme", f'name: "{name}"'))

    assert look(applied).code == 1


@pytest.mark.parametrize("keys", [["~*"], ["~flowerpower:acme.default:*", "~rq:*"]])
def test_a_redis_user_that_may_only_read_is_enough(
    applied: CommandLine, redis_connection: redis.Redis, redis_url: str, keys: list[str]
) -> None:
    redis_connection.execute_command(
        "ACL", "SETUSER", "reader", "reset", "on", ">pw", *keys, "+@read", "+@connection", "+time", "+info"
    )
    options = redis_connection.connection_pool.connection_kwargs
    place = options.get("path")
    url = f"unix://reader:pw@{place}" if place else redis_url.replace("redis://", "redis://reader:pw@")
    applied.write("schedules/weekly.yaml", 'pipeline: report\ncron: "@weekly"\n')
    before = dump_keys(redis_connection)
    try:
        answer = look(applied, "--redis", url)
        assert (answer.code, answer.last) == (0, "Plan: 1 to add, 0 to change, 0 to destroy.")
        refused = applied("apply", "--auto-approve", "--redis", url)
        assert (refused.code, "check the user" in refused.err) == (1, True)
        with redis.Redis.from_url(url) as reader, pytest.raises(redis.exceptions.NoPermissionError):
            reader.set("x", 1)
    finally:
        redis_connection.execute_command("ACL", "DELUSER", "reader")
    assert dump_keys(redis_connection) == before
    assert "pw" not in answer.out + answer.err + refused.out


def test_an_untrusted_checkout_is_not_applied(applied: CommandLine, redis_connection: redis.Redis) -> None:
    before = dump_keys(redis_connection)
    applied.write("schedules/weekly.yaml", 'pipeline: report\ncron: "@weekly"\n')

    for answer in (
        applied("apply", "--untrusted", "--auto-approve"),
        applied("apply", "--auto-approve", FLOWERPOWER_UNTRUSTED="1"),
    ):
        assert (answer.code, "does not apply an untrusted checkout" in answer.err) == (3, True)
    assert dump_keys(redis_connection) == before
