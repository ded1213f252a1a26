"""An error about settings is one line: it names the wrong setting and, for a misspelt name, the likely one."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from streamseg.commands import streamseg
from streamseg.errors import SettingsError
from streamseg.settings import load_settings


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


def test_check_config_masks_secrets_and_checks_taxonomy_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMSEG_REDIS__URL", "redis://app:hunter2@segments")
    monkeypatch.setenv("STREAMSEG_API__IDENTITY_SECRETS", '["topsecret"]')
    printed = CliRunner().invoke(streamseg, ["check-config"], catch_exceptions=False).output
    assert "redis://app:**********@segments" in printed
    assert "hunter2" not in printed
    assert "topsecret" not in printed
    monkeypatch.setenv("STREAMSEG_API__IAB_AUDIENCES", '{"behaviour-k7q2": ["198"]}')
    with pytest.raises(SettingsError, match="198 is not an id"):
        CliRunner().invoke(streamseg, ["check-config"], catch_exceptions=False)
