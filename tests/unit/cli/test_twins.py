"""A project or an environment that got another name, while what was applied under the old one goes on."""

from __future__ import annotations

import redis
from support.command_line import CommandLine

from flowerpower.jobs.scheduling.scheduler import Scheduler
from flowerpower.state.keys import Keys
from flowerpower.state.store import Store


def start_a_scheduler(line: CommandLine, env: str = "default") -> None:
    connection = redis.Redis.from_url(line.environment["FLOWERPOWER_REDIS"])
    Scheduler(Store(connection, Keys("acme", env)), "one").step()


def rename_the_project(line: CommandLine) -> None:
    start_a_scheduler(line)
    file = line.folder / "flowerpower.yaml"
    file.write_text(file.read_text().replace("acme", "bolt"))
    line.commit("renamed")


def test_another_name_of_the_project_is_refused_with_the_way_past(applied: CommandLine) -> None:
    rename_the_project(applied)

    plan, refused = applied("plan"), applied("apply", "--auto-approve")

    assert plan.code == 0
    assert "x twin:" in plan.out
    assert refused.code == 3
    assert "Error: twin:" in refused.err
    assert "--allow-twin" in refused.err
    assert applied("apply", "--auto-approve", FLOWERPOWER_ALLOW_TWIN="1").code == 0
    assert applied("apply", "--auto-approve").code == 0  # it is asked once


def test_an_environment_of_another_name_is_told_from_one_beside_it(applied: CommandLine) -> None:
    assert applied("apply", "--auto-approve", "--env", "prod").code == 0  # beside `default`
    start_a_scheduler(applied, "prod")
    file = applied.folder / "flowerpower.yaml"
    file.write_text(file.read_text().replace("prod", "live"))
    applied.commit("renamed")

    refused = applied("apply", "--auto-approve", "--env", "live")

    assert refused.code == 3
    assert "twin: acme.prod, applied from this repository too, has 2 of these schedules" in refused.err
    file.write_text(file.read_text().replace("{live: {}}", "{live: {}, prod: {}}"))
    applied.commit("both")
    assert applied("apply", "--auto-approve", "--env", "live").code == 0


def test_a_project_that_moves_leaves_its_old_name_empty_first(applied: CommandLine) -> None:
    file = applied.folder / "flowerpower.yaml"
    before = file.read_text()
    file.write_text(f"{before}schedules: deleted\n")
    assert applied("apply", "--auto-approve", "--allow-empty").code == 0
    file.write_text(before)

    rename_the_project(applied)

    assert applied("apply", "--auto-approve").last == "Apply complete: 3 added, 0 changed, 0 destroyed."


def test_a_former_name_that_no_scheduler_serves_is_a_warning(
    applied: CommandLine, redis_connection: redis.Redis
) -> None:
    rename_the_project(applied)
    redis_connection.delete("flowerpower:acme.default:scheduler")

    answer = applied("apply", "--auto-approve")

    assert answer.code == 0
    assert "! twin: acme.default, applied from this repository too," in answer.out
    assert "no scheduler fires there now" in " ".join(answer.out.split())


def test_a_project_beside_this_one_in_its_repository_is_no_twin(applied: CommandLine) -> None:
    applied.write("teams/acme/flowerpower.yaml", "modules: [flows]\nname: 'acme' # the other team\n")

    rename_the_project(applied)

    assert "twin" not in applied("plan").out


def test_a_project_of_another_repository_is_no_twin(applied: CommandLine) -> None:
    applied.git("remote", "add", "origin", "https://git.example/one.git")
    assert applied("apply", "--auto-approve").code == 0
    applied.git("remote", "set-url", "origin", "https://git.example/other.git")

    rename_the_project(applied)

    assert "twin" not in applied("plan").out
