"""Settings: flags first, environment variables second."""

from __future__ import annotations

from pathlib import Path

from flowerpower.settings import read_settings


def test_without_flags_and_variables_the_defaults_hold() -> None:
    settings = read_settings(environ={})

    assert (settings.project, settings.env, settings.redis, settings.rq_prefix) == (Path(), "default", None, "rq")
    assert (settings.redis_server, settings.runtime_dir) == (None, None)


def test_environment_variables_are_read() -> None:
    environ = {
        "FLOWERPOWER_PROJECT": "/srv/acme",
        "FLOWERPOWER_ENV": "prod",
        "FLOWERPOWER_REDIS": "redis://queue:6379",
        "FLOWERPOWER_VAR_REGION": "EU",
        "FLOWERPOWER_TEST_REDIS_SERVER": "/opt/redis/redis-server",
        "XDG_RUNTIME_DIR": "/run/user/1000",
        "RQ_KEY_PREFIX": "jobs",
    }

    settings = read_settings(environ=environ)

    assert settings.project == Path("/srv/acme")
    assert (settings.env, settings.redis, settings.rq_prefix) == ("prod", "redis://queue:6379", "jobs")
    assert settings.variables == {"REGION": "EU"}
    assert settings.redis_server == Path("/opt/redis/redis-server")
    assert settings.runtime_dir == Path("/run/user/1000")


def test_a_flag_wins_over_its_variable() -> None:
    environ = {"FLOWERPOWER_ENV": "prod", "FLOWERPOWER_VAR_REGION": "EU", "FLOWERPOWER_VAR_TIER": "gold"}

    settings = read_settings(env="staging", variables={"REGION": "US"}, environ=environ)

    assert settings.env == "staging"
    assert settings.variables == {"REGION": "US", "TIER": "gold"}


def test_an_empty_variable_counts_as_absent() -> None:
    settings = read_settings(environ={"FLOWERPOWER_ENV": "", "FLOWERPOWER_REDIS": "", "XDG_RUNTIME_DIR": ""})

    assert (settings.env, settings.redis, settings.runtime_dir) == ("default", None, None)


def test_the_environment_which_may_hold_credentials_is_not_in_the_text_form() -> None:
    settings = read_settings(environ={"REDIS_URL": "redis://:hunter2@queue"})

    assert "hunter2" not in repr(settings)
