import copy
import dataclasses
import io
import json
import logging
import pickle
import pprint
import traceback
from collections.abc import Callable
from string import Template

import msgspec
import pydantic
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from headgate.config.tree import Settings
from headgate.core.secret import Secret

KEY = "sk-proj-abcdefghijklmnop"


def test_reveal_is_the_one_way_to_the_value() -> None:
    assert Secret(KEY).reveal() == KEY


@given(st.text(min_size=5))
def test_no_way_of_formatting_shows_more_than_the_end(value: str) -> None:
    secret = Secret(value)
    shown = [str(secret), repr(secret), f"{secret}", f"{secret:>40}", f"{secret}", f"{[secret]}"]
    logging.getLogger("nobody").debug("%s", secret)
    allowed = len(f"Secret({secret.hint})")
    assert secret.hint == "…" or secret.hint == f"…{value[-4:]}"
    assert all(len(text.strip().strip("[]")) <= allowed for text in shown if "\n" not in value)


def test_a_short_secret_has_no_hint_at_all() -> None:
    assert repr(Secret("hunter2")) == "Secret(…)"
    assert repr(Secret(KEY)) == "Secret(…mnop)"


def test_it_refuses_to_be_pickled_and_cannot_be_written_as_json() -> None:
    with pytest.raises(TypeError, match="not serialised"):
        pickle.dumps(Secret(KEY))
    with pytest.raises(TypeError):
        json.dumps(Secret(KEY))


def test_it_cannot_be_iterated_or_joined() -> None:
    with pytest.raises(TypeError):
        iter(Secret(KEY))  # type: ignore[call-overload]  # that it is not iterable is what is tested
    assert "__dict__" not in dir(Secret(KEY))


@given(st.text(), st.text())
def test_secrets_are_equal_as_their_values_are_and_never_equal_to_text(one: str, other: str) -> None:
    assert (Secret(one) == Secret(other)) == (one == other)
    assert Secret(one) != one
    assert hash(Secret(one)) == hash(Secret(one))


def test_an_empty_secret_is_false() -> None:
    assert not Secret("")
    assert Secret("x")


@dataclasses.dataclass
class Holder:
    key: Secret


class Packed(msgspec.Struct):
    key: Secret


class Modelled(pydantic.BaseModel, arbitrary_types_allowed=True):
    key: Secret


@given(st.text("abcdefghijklmnopqrstuvwxyzABCDEF0123456789_-", min_size=16, max_size=64))
def test_however_it_is_written_down_it_is_not_in_it(value: str) -> None:
    """Whatever formats, copies, dumps or logs: it raises, or what comes out does not hold the value."""
    secret, stream = Secret(value), io.StringIO()
    handler = logging.StreamHandler(stream)
    log = logging.Logger("secret", logging.DEBUG)
    log.addHandler(handler)
    log.error("%s %r", secret, {"key": secret}, extra={"fields": secret})
    try:
        raise ValueError(secret)
    except ValueError:
        log.exception("failed")
    ways: list[Callable[[], object]] = [
        lambda: f"{secret} {secret!r} {secret!s} {secret!a} {secret:>80}",
        lambda: "{} {!r} {0.__class__}".replace("{0.__class__}", "").format(secret, secret),
        lambda: "%s %r %a" % (secret, secret, secret),  # noqa: UP031 - one more way
        lambda: Template("$key").substitute(key=secret),
        lambda: str([secret]) + str({secret: secret}) + str((secret,)),
        lambda: pprint.pformat({"key": secret}),
        lambda: pickle.dumps(secret),
        lambda: pickle.dumps([secret], protocol=5),
        lambda: copy.copy(secret),
        lambda: copy.deepcopy({"key": secret}),
        lambda: json.dumps({"key": secret}),
        lambda: json.dumps({"key": secret}, default=str),
        lambda: msgspec.json.encode(secret),
        lambda: msgspec.json.encode(Packed(secret)),
        lambda: msgspec.msgpack.encode(Packed(secret), enc_hook=str),
        lambda: msgspec.structs.asdict(Packed(secret)),
        lambda: msgspec.to_builtins(Packed(secret)),
        lambda: dataclasses.asdict(Holder(secret)),
        lambda: repr(Holder(secret)),
        lambda: repr(Modelled(key=secret)),
        lambda: Modelled(key=secret).model_dump(),
        lambda: Modelled(key=secret).model_dump(mode="json"),
        lambda: Modelled(key=secret).model_dump_json(),
        lambda: yaml.safe_dump({"key": secret}),
        lambda: yaml.dump({"key": secret}),
        lambda: vars(secret),
        lambda: secret.__dict__,
        lambda: bytes(secret),  # type: ignore[call-overload]  # that it cannot be is what is tested
        lambda: "".join(secret),  # type: ignore[arg-type]  # the same
        lambda: traceback.format_exception(ValueError(secret)),
    ]
    for way in ways:
        try:
            told = str(way())
        except Exception as error:  # noqa: BLE001 - whatever it raises must not tell either
            told = "".join(traceback.format_exception(error))
        assert value not in told
    assert value not in stream.getvalue()


def test_settings_do_not_tell_theirs_however_they_are_dumped() -> None:
    settings = Settings.model_validate(
        {
            "server": {"admin_key": KEY, "admin_keys": [{"name": "a", "key": KEY + "1"}]},
            "store": {"url": f"postgresql://u:{KEY}@host/db", "redis": f"redis://:{KEY}@host:1/0"},
            "providers": {"p": {"dialect": "openai", "keys": [KEY + "2"], "headers": {"x-key": KEY + "3"}}},
            "keys": [{"name": "k", "key": KEY + "4"}],
        }
    )
    told = [
        repr(settings),
        str(settings),
        str(settings.model_dump(mode="json")),
        settings.model_dump_json(),
        str(settings.model_dump()),
        str(list(settings)),
    ]
    assert not [text for text in told if KEY in text]
