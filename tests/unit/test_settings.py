"""A wrong setting is named in one line, with what was probably meant."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from streamseg.commands import streamseg
from streamseg.errors import SettingsError
from streamseg.settings import load_settings


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('clok = "wall"', "setting clok: there is no such setting; is clock meant?"),
        ("[api]\nportt = 1", "setting api.portt: there is no such setting; is api.port meant?"),
        ("[api]\nxyzzy = 1", "setting api.xyzzy: there is no such setting"),
        ('[api]\nport = "abc"', "setting api.port: Input should be a valid integer"),
        ('[api]\nallowed_origins = ["https://shop.example/"]', "setting api.allowed_origins.0: "),
        ('[api]\npublic_url = "segments.shop.example"', "setting api.public_url: "),
        ("[api", "settings file: Expected ']'"),
    ],
)
def test_a_wrong_line_of_the_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "streamseg.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as raised:
        load_settings(file)
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "STREAMSEG_AIP__PORT",
            "1",
            "STREAMSEG_AIP__PORT is no setting; is STREAMSEG_API... meant?",
        ),
        ("STREAMSEG_API__PORTT", "1", "setting api.portt: there is no such setting; is api.port meant?"),
        (
            "STREAMSEG_API__ALLOWED_ORIGINS",
            "x",
            "STREAMSEG_API...: a list or a table must be JSON",
        ),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert str(raised.value).removeprefix("environment variable ") == said


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"settings file .* is not there"):
        load_settings(tmp_path / "none.toml")


def test_a_password_in_the_url_is_not_printed() -> None:
    settings = load_settings(None, redis={"url": "rediss://app:hunter2@segments:6379/0"})
    assert settings.redis.url == "rediss://app:hunter2@segments:6379/0"
    assert settings.model_dump(mode="json")["redis"]["url"] == "rediss://app:**********@segments:6379/0"
    assert "hunter2" not in settings.redis.shown_url


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


def test_check_config_masks_secrets_and_knows_the_taxonomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMSEG_REDIS__URL", "redis://app:hunter2@segments")
    monkeypatch.setenv("STREAMSEG_API__IDENTITY_SECRETS", '["topsecret-of-the-shop"]')
    printed = CliRunner().invoke(streamseg, ["check-config"], catch_exceptions=False).output
    assert "redis://app:**********@segments" in printed
    assert "hunter2" not in printed
    assert "topsecret" not in printed
    monkeypatch.setenv("STREAMSEG_API__IAB_AUDIENCES", '{"behaviour-k7q2": ["198"]}')
    with pytest.raises(SettingsError, match="198 is not an id"):
        CliRunner().invoke(streamseg, ["check-config"], catch_exceptions=False)
