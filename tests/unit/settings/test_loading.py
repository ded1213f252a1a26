"""An error about settings is one line: it names the wrong setting and, for a misspelt name, the likely one.

Issue 13, item 24: values are checked, secrets files exist, and messages are in our own words.
"""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamseg.commands import streamseg
from streamseg.errors import SettingsError
from streamseg.settings import load_settings
from streamseg.wiring.derived import derive


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('clok = "wall"', "setting clok: unknown setting; did you mean clock?"),
        ("[api]\nportt = 1", "setting api.portt: unknown setting; did you mean api.port?"),
        ("[api]\nxyzzy = 1", "setting api.xyzzy: unknown setting"),
        ('[api]\nport = "abc"', "setting api.port: must be a whole number, not 'abc'"),
        ('[api]\nallowed_origins = ["https://shop.example/"]', "setting api.allowed_origins.0: "),
        ('[api]\npublic_url = "segments.shop.example"', "setting api.public_url: "),
        ("[api", "settings file: Expected ']'"),
        (
            '[audiences]\nidentifiers = ["mail"]',
            "setting audiences.identifiers.0: must be 'email' or 'phone', not 'mail'",
        ),
        (
            '[audiences]\nphone_country_code = "031"',
            "setting audiences.phone_country_code: must be a country code such as +31, not '031'",
        ),
        (
            '[segmentations.a]\npack = "value"\npopulation = "transactions => 1"',
            "setting segmentations.a.population: there is no comparison =>: use one of >=, >, <=, <, ==, !=; did",
        ),
        (
            '[segmentations.a]\npack = "value"\npopulation = "buyers"',
            "setting segmentations.a.population: must compare a figure with a number, such as `transactions >= 1`",
        ),
    ],
)
def test_a_wrong_setting_in_the_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "streamseg.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as raised:
        load_settings(file)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("STREAMSEG_AIP__PORT", "1", "STREAMSEG_AIP__PORT is not a setting; did you mean STREAMSEG_API...?"),
        ("STREAMSEG_API__PORTT", "1", "setting api.portt: unknown setting; did you mean api.port?"),
        ("STREAMSEG_API__ALLOWED_ORIGINS", "x", "STREAMSEG_API...: a list or a table must be JSON"),
    ],
)
def test_a_wrong_environment_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert str(raised.value).removeprefix("environment variable ") == message


def test_what_rows_keep_for_lists_is_derived_from_the_settings() -> None:
    table = {"identifiers": ["phone", "email"], "phone_country_code": "+31"}
    layout = derive(load_settings(None, audiences=table)).layout
    assert (layout.identifiers, layout.phone_country_code) == (("email", "phone"), "31")


def test_a_missing_settings_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"settings file .* does not exist"):
        load_settings(tmp_path / "none.toml")


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"setting features\.time_zone: no such time zone: Mars/Olympus"):
        load_settings(None, features={"time_zone": "Mars/Olympus"})


def test_the_password_in_the_redis_url_is_masked_when_printed() -> None:
    settings = load_settings(None, redis={"url": "rediss://app:hunter2@segments:6379/0"})
    assert settings.redis.url == "rediss://app:hunter2@segments:6379/0"
    assert settings.model_dump(mode="json")["redis"]["url"] == "rediss://app:**********@segments:6379/0"
    assert "hunter2" not in settings.redis.shown_url


@pytest.mark.parametrize("query", ["?password=hunter2", "?db=1&password=hunter2&username=app"])
def test_a_password_among_the_options_of_the_redis_url_is_masked_when_printed(query: str) -> None:
    settings = load_settings(None, redis={"url": f"redis://segments:6379{query}"})
    assert settings.redis.url.endswith(query)
    assert settings.redis.shown_url == f"redis://segments:6379{query.replace('hunter2', '**********')}"


def test_check_config_masks_secrets_and_checks_taxonomy_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMSEG_REDIS__URL", "redis://app:hunter2@segments")
    monkeypatch.setenv("STREAMSEG_API__IDENTITY_SECRETS", '["topsecret-of-the-shop"]')
    printed = CliRunner().invoke(streamseg, ["check-config"], catch_exceptions=False).output
    assert "redis://app:**********@segments" in printed
    assert "hunter2" not in printed
    assert "topsecret" not in printed
    monkeypatch.setenv("STREAMSEG_API__IAB_AUDIENCES", '{"behaviour-k7q2": ["198"]}')
    with pytest.raises(SettingsError, match="198 is not an id"):
        CliRunner().invoke(streamseg, ["check-config"], catch_exceptions=False)


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6379", "localhost", "http://host:6379", "redis:host", "redis://", "redis://:6379/0",
        "redis://host:port/0", "redis://host:0/0", "redis://host:6379/first", "unix://", "rediss+cluster:///0", "",
    ],
)  # fmt: skip
def test_a_redis_url_that_names_no_redis_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^setting redis\.url: ") as raised:
        load_settings(None, redis={"url": url})
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://host", "redis://user:pass@host:6379/1", "rediss://host:6380", "unix:///run/redis.sock?db=1",
        "redis+cluster://host:7000", "redis://[::1]:6379/0", "redis://host/",
    ],
)  # fmt: skip
def test_a_redis_url_of_each_scheme_is_accepted(url: str) -> None:
    assert load_settings(None, redis={"url": url}).redis.url == url


def test_a_refused_redis_url_is_not_repeated_with_its_password() -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(None, redis={"url": "reddis://app:hunter2@host:6379/0"})
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("bootstrap", ["", "http://host:9092", "host:port", "host:0", "a:9092,,b:92", "a:9092 b:92"])
def test_brokers_that_are_no_addresses_are_refused(bootstrap: str) -> None:
    with pytest.raises(SettingsError, match=r"^setting kafka\.bootstrap: must be host:port"):
        load_settings(None, kafka={"bootstrap": bootstrap})


@pytest.mark.parametrize("bootstrap", ["host", "host:9092", "a:9092,b:9092", "a:9092, b:9092", "[::1]:9092"])
def test_lists_of_brokers_are_accepted(bootstrap: str) -> None:
    assert load_settings(None, kafka={"bootstrap": bootstrap}).kafka.bootstrap == bootstrap


@pytest.mark.parametrize("code", ["XXX", "XTS", "eur", "EURO", "", "ZZZ"])
def test_what_is_no_currency_is_refused(code: str) -> None:
    with pytest.raises(SettingsError, match=rf"^setting money\.currency: '{code}' is no currency"):
        load_settings(None, money={"currency": code})
    with pytest.raises(SettingsError, match=r"is no currency"):
        load_settings(None, money={"rates": {code: 1.0}})


def test_the_likely_currency_is_named() -> None:
    with pytest.raises(SettingsError, match=r"did you mean EUR\?$"):
        load_settings(None, money={"currency": "eur"})


RAW = re.compile(r"Input should|String should|Field required|Extra inputs|valid (?:integer|number|string|dictionary)")


@pytest.mark.parametrize(
    "given",
    [
        {"api": {"port": "abc"}}, {"api": {"port": 1.5}}, {"api": {"port": 70_000}}, {"api": {"port": -1}},
        {"api": 3}, {"api": {"allowed_origins": "x"}}, {"api": {"allowed_origins": ["shop.example"]}},
        {"api": {"public_url": "shop.example"}}, {"api": {"identity_secrets": [3]}}, {"clock": "sun"},
        {"worker": {"rejected_share_limit": 2}}, {"membership": {"bound_seconds": 0}},
        {"membership": {"unknown_ads_consent": "perhaps"}}, {"features": {"brand_groups": 300}},
        {"features": {"categories": "shoes"}}, {"features": {"attributes": {"": {}}}},
        {"features": {"attributes": {"plan": {"values": [""]}}}},
        {"features": {"attributes": {"age": {"typical": "x"}}}},
        {"features": {"attributes": {"age": {"typical": float("nan")}}}}, {"segmentations": {"A b": {"pack": "value"}}},
        {"segmentations": {"a": {"pack": "value", "k": "many"}}}, {"kafka": {"partitions": 0}},
        {"kafka": {"bootstrap": 5}}, {"money": {"rates": {"USD": "cheap"}}}, {"kafka": {"sasl_mechanism": "NONE"}},
        {"features": {"time_zone": 7}}, {"segmentations": 1}, {"segmentations": {"a": 1}},
    ],
)  # fmt: skip
def test_no_line_of_pydantic_reaches_people(given: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match=r"^setting ") as raised:
        load_settings(None, **given)
    assert not RAW.search(str(raised.value)), str(raised.value)


def test_settings_come_from_files_in_a_folder_of_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "STREAMSEG_REDIS__PASSWORD").write_text("hunter2\n")
    (tmp_path / "streamseg_api__identity_secrets").write_text('["a secret that is long enough"]')
    (tmp_path / "STREAMSEG_KAFKA__GROUP").write_text("from-the-file")
    (tmp_path / "another_service").write_text("not ours")
    (tmp_path / "..data").mkdir()
    monkeypatch.setenv("STREAMSEG_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("STREAMSEG_KAFKA__GROUP", "from-the-environment")
    toml = tmp_path / "streamseg.toml.file"
    toml.write_text('[redis]\npassword = "from-toml"\nusername = "app"\n')

    settings = load_settings(toml)

    assert settings.redis.password is not None
    assert settings.redis.password.get_secret_value() == "hunter2"
    assert settings.redis.username == "app"
    assert [secret.get_secret_value() for secret in settings.api.identity_secrets] == ["a secret that is long enough"]
    assert settings.kafka.group == "from-the-environment"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("STREAMSEG_REDIS__PASWORD", b"x", r"^setting redis\.pasword: unknown setting; did you mean redis\.password"),
        ("STREAMSEG_REDDIS__PASSWORD", b"x", r"^secrets file STREAMSEG_REDDIS__PASSWORD is not a setting; did you"),
        ("STREAMSEG_REDIS__PASSWORD", b"\xff\xfe", r"is not UTF-8 text$"),
    ],
)
def test_a_wrong_secrets_file_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    monkeypatch.setenv("STREAMSEG_SECRETS_DIR", str(tmp_path))
    with pytest.raises(SettingsError, match=message):
        load_settings()


def test_a_folder_of_secrets_that_is_missing_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STREAMSEG_SECRETS_DIR", str(tmp_path / "none"))
    with pytest.raises(SettingsError, match=r"^environment variable STREAMSEG_SECRETS_DIR: .*No such file"):
        load_settings()


def test_check_config_refuses_a_pack_without_what_it_lives_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMSEG_SEGMENTATIONS", '{"care": {"pack": "psychographic"}}')
    assert CliRunner().invoke(streamseg, ["check-config"], catch_exceptions=False).exit_code == 0, "it finds categories"
    monkeypatch.setenv("STREAMSEG_FEATURES__CATEGORY_GROUPS", "0")
    monkeypatch.setenv("STREAMSEG_SEGMENTATIONS", '{"care": {"pack": "psychographic", "features": ["category_*"]}}')
    with pytest.raises(SettingsError, match=r"^setting features\.categories: is empty, but segmentation care of pack"):
        CliRunner().invoke(streamseg, ["check-config"], catch_exceptions=False)
    monkeypatch.setenv("STREAMSEG_FEATURES__CATEGORIES", '["shoes"]')
    assert CliRunner().invoke(streamseg, ["check-config"], catch_exceptions=False).exit_code == 0


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("API__IDENTITY_SECRETS", '[""]', "setting api.identity_secrets.0: is empty"),
        ("API__IDENTITY_SECRETS", '["  \\n "]', "setting api.identity_secrets.0: is empty"),
        (
            "API__IDENTITY_SECRETS",
            '["a-good-long-secret-1", "hunter2"]',
            "setting api.identity_secrets.1: is too short",
        ),
        ("API__IDENTITY_SECRETS", '["a-good-long-secret-1\\n"]', "setting api.identity_secrets.0: starts or ends with"),
        ("REDIS__PASSWORD", "", "setting redis.password: is empty"),
        ("REDIS__URL", "redis://app:@segments", "setting redis.url: its password is empty"),
        ("REDIS__URL", "redis://:%20@segments", "setting redis.url: its password is empty"),
        ("KAFKA__SASL_PASSWORD", " ", "setting kafka.sasl_password: is empty"),
        (
            "KAFKA__SECURITY_PROTOCOL",
            "SASL_SSL",
            "setting kafka: security_protocol = SASL_SSL needs sasl_username and sasl_password",
        ),
    ],
)
def test_an_empty_or_short_secret_stops_the_start_and_is_not_printed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    """Issue 13, item 19."""
    monkeypatch.setenv(f"STREAMSEG_{name}", value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_a_language_and_a_table_of_actions_are_checked_at_the_start(tmp_path: Path) -> None:
    actions = tmp_path / "actions.toml"
    actions.write_text('[[action]]\nname = "call"\nif = ["rich"]\nen = "call them"\n')
    for text, message in (
        ("language = 'tlh'", "must be one of en, nl, sv"),
        (f"actions_file = '{actions}'", "action call: there is no word rich"),
        ("actions_file = 'none.toml'", "none.toml cannot be read"),
    ):
        (tmp_path / "s.toml").write_text(f"[descriptions]\n{text}\n")
        with pytest.raises(SettingsError, match=message):
            load_settings(tmp_path / "s.toml")
