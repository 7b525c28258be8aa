from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.config.kinds import is_loopback
from headgate.config.section import Section
from headgate.config.tree import Breaker, Price, Provider, Server, Settings, Timeouts
from headgate.core.price import NANO
from headgate.core.secret import Secret

KEY = "sk-0123456789abcdefghij"


def one(section: str, key: str, value: Any) -> Any:
    """What the tree makes of one value of one section."""
    return getattr(getattr(Settings.model_validate({section: {key: value}}), section), key)


def complaint(section: str, key: str, value: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        one(section, key, value)
    return str(caught.value)


def test_the_defaults_are_the_contracts() -> None:
    settings = Settings()
    server = settings.server
    assert (server.host, server.port, server.workers, server.metrics_port) == ("127.0.0.1", 8080, 1, None)
    assert (server.max_body_bytes, server.max_in_flight, server.drain_s) == (33_554_432, 4096, 30)
    assert (server.auth, server.metadata, server.admin_key) == ("required", "both", None)
    assert settings.breaker == Breaker(failures=5, recovery_s=60)
    assert (settings.retry.attempts, settings.retry.backoff_s, settings.retry.budget) == (3, 0.2, 0.2)
    assert settings.metrics.namespace == "headgate"
    provider = Provider()
    assert provider.concurrency == 64
    assert provider.timeouts == Timeouts(connect_s=2, first_byte_s=30, idle_s=30, total_s=300)


def test_the_tree_is_frozen_and_closed() -> None:
    settings = Settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.server.port = 1
    with pytest.raises(ValidationError, match="extra_forbidden"):
        Settings.model_validate({"breaker": {"failure": 3}})


@pytest.mark.parametrize(
    ("section", "key", "text", "value"),
    [
        ("server", "port", "9000", 9000),
        ("server", "metrics_port", None, None),
        ("server", "drain_s", "0", 0.0),
        ("server", "admin_key", "", None),
        ("breaker", "recovery_s", "0.5", 0.5),
        ("retry", "budget", "1", 1.0),
        ("retry", "backoff_s", "0", 0.0),
    ],
)
def test_text_becomes_what_the_key_holds(section: str, key: str, text: str | None, value: object) -> None:
    assert one(section, key, text) == value


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("server", "port", "-1"),
        ("server", "port", "65536"),
        ("server", "port", "80.5"),
        ("server", "port", "http"),
        ("server", "workers", "0"),
        ("server", "host", ""),
        ("server", "host", "a b"),
        ("server", "max_in_flight", "0"),
        ("server", "max_body_bytes", "-5"),
        ("server", "drain_s", "-1"),
        ("server", "drain_s", "nan"),
        ("server", "drain_s", "inf"),
        ("server", "deadline_s", "0"),
        ("server", "auth", "no"),
        ("server", "auth", False),
        ("server", "log", "xml"),
        ("server", "admin_key", "with space"),
        ("breaker", "failures", "0"),
        ("breaker", "recovery_s", "0"),
        ("retry", "attempts", "0"),
        ("retry", "attempts", "1000"),
        ("retry", "budget", "1.1"),
        ("metrics", "namespace", "head-gate"),
        ("metrics", "namespace", "9"),
    ],
)
def test_what_is_out_of_range_is_refused_without_being_repeated(
    section: str, key: str, value: object
) -> None:
    said = complaint(section, key, value)
    assert f"{section}.{key}" in said
    assert "input_value" not in said


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_auth_may_be_off_where_only_this_machine_can_call(host: str) -> None:
    assert is_loopback(host)
    assert Server.model_validate({"auth": "off", "host": host}).auth == "off"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", "127.example.com"])
def test_auth_may_not_be_off_on_the_network(host: str) -> None:
    with pytest.raises(ValidationError, match="open the gateway to the network"):
        Server.model_validate({"auth": "off", "host": host})
    assert Server.model_validate({"host": host}).host == host


def test_the_metrics_port_is_another_port() -> None:
    with pytest.raises(ValidationError, match="must differ from port"):
        Server.model_validate({"port": "8080", "metrics_port": "8080"})
    assert Server.model_validate({"port": "0", "metrics_port": "0"}).metrics_port == 0


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://x.example", "must begin with http"),
        ("x.example/v1", "must begin with http"),
        ("https://", "names no host"),
        ("https:///v1", "names no host"),
        ("https://user@x.example", "user or a password"),
        ("https://user:pass@x.example/v1", "user or a password"),
        ("https://x.example/v1?key=1", "a query"),
        ("https://x.example/#a", "a fragment"),
        ("https://x.example:99999", "must be an address"),
        ("https://x.example:0", "no provider has"),
        ("https://[::1", "must be an address"),
        ("http://169.254.169.254/latest", "no provider has"),
        ("http://[fe80::1]/v1", "no provider has"),
        ("https://x.example/a b", "must be an address"),
        ("https://x.example\r\nHost: y", "must be an address"),
    ],
)
def test_an_address_that_cannot_be_a_providers_is_refused(url: str, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Provider.model_validate({"base_url": url})
    assert message in str(caught.value)
    assert "pass@" not in str(caught.value)


def test_an_address_loses_its_last_slash() -> None:
    assert (
        Provider.model_validate({"base_url": "http://10.0.0.7:8000/v1/"}).base_url
        == "http://10.0.0.7:8000/v1"
    )


def test_keys_may_be_texts_or_sections_and_cannot_be_shown() -> None:
    provider = Provider.model_validate({"keys": [KEY, {"key": KEY + "2"}]})
    assert [key.key.reveal() for key in provider.keys] == [KEY, KEY + "2"]
    assert Provider.model_validate({"keys": KEY}).keys[0].key == Secret(KEY)
    for shown in (
        repr(provider),
        str(provider),
        provider.model_dump_json(),
        f"{provider.model_dump(mode='json')}",
    ):
        assert KEY not in shown


@pytest.mark.parametrize("key", ["", "a b", "abc\n", "äöü", "a\x00b", 7, None, ["x"]])
def test_what_cannot_travel_in_a_header_is_not_a_key(key: object) -> None:
    with pytest.raises(ValidationError):
        Provider.model_validate({"keys": [{"key": key}]})


def test_headers_are_kept_secret_and_cannot_be_injected() -> None:
    provider = Provider.model_validate({"headers": {"X-Team": "a b", "CF-Access": KEY}})
    assert {name: value.reveal() for name, value in provider.headers.items()} == {
        "x-team": "a b",
        "cf-access": KEY,
    }
    assert KEY not in repr(provider)
    for name, value in [
        ("X", "a\r\nY: b"),
        ("X", ""),
        ("X", " a"),
        ("X Y", "a"),
        ("Host", "a"),
        ("content-length", "1"),
    ]:
        with pytest.raises(ValidationError):
            Provider.model_validate({"headers": {name: value}})


def test_a_lone_value_is_a_list_of_one() -> None:
    assert Provider.model_validate({"drop": "*"}).drop == {"*"}
    assert Provider.model_validate({"drop": ["seed", "n"]}).drop == {"seed", "n"}
    assert Provider.model_validate({"drop": None}).drop == frozenset()


def test_a_section_named_and_left_empty_holds_its_defaults() -> None:
    settings = Settings.model_validate(
        {"server": None, "providers": {"x": None}, "models": None, "keys": None}
    )
    assert settings.server == Server()
    assert settings.providers["x"] == Provider()
    assert settings.keys == ()


def test_faults_are_those_the_simulated_provider_knows() -> None:
    faults = ["hang", "status:503", "429:7", "cut-mid:3"]
    provider = Provider.model_validate({"simulated": {"faults": faults, "rpm": "20"}})
    assert provider.simulated.faults == tuple(faults)
    assert provider.simulated.rpm == 20
    with pytest.raises(ValidationError, match="not a fault"):
        Provider.model_validate({"simulated": {"faults": ["hangs"]}})


@given(st.decimals(0, 10_000, places=9, allow_nan=False, allow_infinity=False))
def test_a_price_is_exact_to_the_nano_dollar(amount: Decimal) -> None:
    price = Price.model_validate({"input": f"{amount:f}", "output": "0"}).per_class()
    assert Decimal(price.input) == amount * NANO
    assert (price.output, price.cache_read, price.reasoning, price.source) == (0, None, None, "config")


@pytest.mark.parametrize(
    "amount", ["1000000.01", "1e8", "-1", "nan", "inf", "1e400", "free", "", None, "0x10", "1,5", True]
)
def test_what_is_not_an_amount_is_not_a_price(amount: object) -> None:
    with pytest.raises(ValidationError):
        Price.model_validate({"input": amount, "output": 1})


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 300, "agent:x", "a\n"])
def test_a_model_needs_a_name_that_callers_can_write(name: str) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"models": {name: {"provider": "x"}}})
    assert Settings.model_validate({"models": {"meta/llama3.2:3b@v1": {"provider": "x"}}}).models


def test_a_provider_has_no_slash_in_its_name_because_model_names_do() -> None:
    with pytest.raises(ValidationError, match="'/'"):
        Settings.model_validate({"providers": {"a/b": {}}})


def test_every_field_says_what_it_is_for() -> None:
    def sections(kind: type[Section]) -> list[type[Section]]:
        return [kind, *(inner for below in kind.__subclasses__() for inner in sections(below))]

    for section in sections(Section):
        assert section.__doc__
        for name, field in section.model_fields.items():
            assert field.description, f"{section.__name__}.{name}"
            assert field.description.endswith("."), f"{section.__name__}.{name}"


@pytest.mark.parametrize(
    "usd", ["1e20", "5e99", "1e308", 1e308, float("nan"), float("inf"), -1, "-1", True, "", [1]]
)
def test_money_is_an_amount_that_can_be_counted(usd: object) -> None:
    key = {"name": "a", "key": KEY, "budget": {"usd": usd}}
    with pytest.raises(ValidationError):
        Settings.model_validate({"keys": [key]})
