"""What may be shown of an address, and when a message is tried again."""

from __future__ import annotations

import base64
import socket
import time
from collections.abc import Iterator
from email.utils import formatdate

import pytest
from support.receivers import web_hook

from flowerpower.errors import UsageError
from flowerpower.messaging.delivery import RETRIES, Delivery, next_try, place_of
from flowerpower.messaging.health import WELL, Outcome
from flowerpower.messaging.message import Message
from flowerpower.messaging.transports import send
from flowerpower.messaging.webhook import post, sign

MESSAGE = Message("id", "failed", "acme.default", Outcome("nightly", "failed", 0, 0), WELL)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pass@hooks.example:8443/T0/B0/token?key=1#x", "https://hooks.example:8443"),
        ("slack://token-a/token-b/token-c", "slack"),
        ("mailto://user:${secret:P}@mail.example", "mailto"),
        ("${secret:HOOK}", "${secret:HOOK}"),
        ("${secret:HOST}/path-with-token", "${secret:HOST}"),
        ("token-without-a-scheme", "an address without a scheme"),
        ("http://[", "an address that cannot be read"),
    ],
)
def test_an_address_is_shown_without_what_could_be_secret(url: str, shown: str) -> None:
    assert place_of(url) == shown


def test_pauses_grow_until_it_is_given_up_and_a_receiver_may_ask_for_longer_ones() -> None:
    busy = Delivery("retry", "answered 503")

    assert [next_try(tries, busy) for tries in range(1, len(RETRIES) + 2)] == [*RETRIES, None]
    assert next_try(1, Delivery("retry", after=77)) == 77
    assert next_try(1, Delivery("retry", after=10**9)) == RETRIES[-1]
    assert next_try(1, Delivery("hopeless")) is None


def test_a_secret_that_is_not_base64_is_refused_without_being_quoted() -> None:
    with pytest.raises(UsageError, match="not base64") as raised:
        sign("whsec_not base64!", "id", 1, b"{}")
    assert "not base64!" not in str(raised.value) + raised.value.hint


def test_a_login_in_an_address_is_sent_as_one() -> None:
    with web_hook() as hook:
        delivery = post(hook.url.replace("127.0.0.1", "me:p%40ss%C3%A4@127.0.0.1"), MESSAGE)

    assert delivery.result == "delivered"
    assert base64.b64decode(hook.got[0][0]["authorization"].removeprefix("Basic ")).decode() == "me:p@ssä"


def test_an_address_with_letters_of_any_script_is_one() -> None:
    with web_hook() as hook:
        delivery = post(f"http://grüße:p%40ßword@127.0.0.1:{hook.port}/verkäufe/%20日報?wer=jürgen&x=%2F", MESSAGE)

    assert delivery == Delivery("delivered")
    assert hook.paths == ["/verk%C3%A4ufe/%20%E6%97%A5%E5%A0%B1?wer=j%C3%BCrgen&x=%2F"]
    assert base64.b64decode(hook.got[0][0]["authorization"].removeprefix("Basic ")).decode() == "grüße:p@ßword"


def test_a_host_with_letters_of_any_script_is_looked_for_by_its_name_on_the_wire(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def look_up(host: str, *_: object, **__: object) -> list[object]:
        asked.append(host)
        raise OSError("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    assert post("http://bücher.example/haken", MESSAGE).result == "retry"
    assert asked == ["xn--bcher-kva.example"]


@pytest.mark.parametrize(
    "url", ["http://localhost:port/", "http://ü..ß/ä", "http://a b/", "http://[", "https://ex\nample/"]
)
def test_an_address_that_cannot_be_read_is_not_tried_again(url: str) -> None:
    assert post(url, MESSAGE) == Delivery("hopeless", "its address cannot be read")


def test_a_receiver_says_in_seconds_when_it_wants_to_be_asked_again() -> None:
    with web_hook() as hook:
        hook.answers, hook.retry_after = [429], "77"
        assert post(hook.url, MESSAGE) == Delivery("retry", "answered 429", 77)


@pytest.fixture
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/St_Johns")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(("hours", "seconds"), [(1, 3600), (-1, 0)])
@pytest.mark.parametrize("gmt", [True, False])
def test_a_receiver_says_as_a_date_when_it_wants_to_be_asked_again(
    hours: int, seconds: int, gmt: bool, far_from_utc: None
) -> None:
    with web_hook() as hook:
        hook.answers, hook.retry_after = [429], formatdate(time.time() + hours * 3600, usegmt=gmt)
        delivery = post(hook.url, MESSAGE)

    assert delivery.result == "retry"
    assert delivery.after == pytest.approx(seconds, abs=100 if seconds else 0)


@pytest.mark.parametrize(
    "said", ["soon", "-5", "\u00b2", pytest.param("9" * 5000, id="long"), "Fri, 99 Nov 2026 07:28:00 GMT", ""]
)
def test_an_odd_word_on_when_to_ask_again_does_not_count(said: str) -> None:
    with web_hook() as hook:
        hook.answers, hook.retry_after = [503], said
        assert post(hook.url, MESSAGE) == Delivery("retry", "answered 503")


def test_a_redirect_is_not_followed_and_says_so() -> None:
    with web_hook() as hook:
        hook.answers = [307]
        delivery = post(hook.url, MESSAGE)

    assert len(hook.got) == 1
    assert delivery.result == "hopeless"
    assert delivery.reason.startswith("answered 307, and redirects are not followed")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of libraries that Apprise uses
def test_a_broker_that_is_away_says_how_to_learn_why() -> None:
    pytest.importorskip("apprise")

    delivery = send("mqtt://eve:hunter2@127.0.0.1:1/runs", MESSAGE)

    assert delivery.result == "retry"
    assert "`apprise -vv -b test ADDRESS`" in delivery.reason
    assert "hunter2" not in delivery.reason
