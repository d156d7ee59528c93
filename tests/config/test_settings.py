"""Settings come from the environment, say what is wrong without showing it, and find the servers."""

from pathlib import Path

import pytest

from config.embedded.servers import Servers
from config.settings import PREFIX, Settings, load_settings, resolve, with_certificates
from domain.errors import BadSettings
from tests.databases import shared_state

GUIDE = Path(__file__).parents[2] / "docs" / "running.md"


def test_without_any_setting_nobody_real_is_contacted() -> None:
    settings = load_settings()
    assert not settings.live
    assert (settings.sms_provider, settings.voice_provider, settings.email_provider) == ("sandbox",) * 3
    assert settings.database_url is None
    assert settings.keys_path.parent == settings.state_dir


def test_the_environment_sets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORBEAR_WEB_PORT", "9000")
    monkeypatch.setenv("FORBEAR_DATABASE_URL", "postgres://u:p@db.example/forbear?sslmode=verify-full")
    monkeypatch.setenv("FORBEAR_PUBLIC_URL", "https://debts.example/")
    monkeypatch.setenv("FORBEAR_KEYS_FILE", "")
    settings = load_settings()
    assert settings.web_port == 9000
    assert settings.database_url == "postgresql://u:p@db.example/forbear?sslmode=verify-full"
    assert settings.public_url == "https://debts.example"
    assert settings.keys_file is None


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"FORBEAR_LIVVE": "true"}, "FORBEAR_LIVVE: there is no such setting. Did you mean FORBEAR_LIVE?"),
        ({"FORBEAR_NOTHING_LIKE_IT": "x"}, "FORBEAR_NOTHING_LIKE_IT: there is no such setting. docs/running.md"),
        ({"FORBEAR_WEB_PORT": "secret"}, "FORBEAR_WEB_PORT"),
        ({"FORBEAR_DATABASE_URL": "mysql://u:secret@h/d"}, "FORBEAR_DATABASE_URL: must begin with postgresql://"),
        ({"FORBEAR_REDIS_URL": "valkey+unix:///secret"}, "FORBEAR_REDIS_URL: must begin with redis://"),
        ({"FORBEAR_PUBLIC_URL": "secret"}, "FORBEAR_PUBLIC_URL: must begin with https://"),
        ({"FORBEAR_LIVE": "1", "FORBEAR_CLOCK": "accelerated"}, "exclude each other"),
        ({"FORBEAR_REDIS_CA": "/ca.pem"}, "needs a FORBEAR_REDIS_URL that begins with rediss://"),
        ({"FORBEAR_DATABASE_OWNER_URL": "postgresql://u:secret@h/d"}, "needs FORBEAR_DATABASE_URL"),
    ],
)
def test_what_is_wrong_is_named_and_never_shown(
    environment: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as caught:
        load_settings()
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.remedy


def test_secrets_do_not_show() -> None:
    settings = Settings(
        database_url="postgresql://u:geheim@h/d",
        redis_url="redis://:geheim@h",
        twilio_auth_token="geheim",
        smtp_password="geheim",
        webhook_secret="geheim",
    )
    assert "geheim" not in repr(settings)


def test_they_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().live = True  # type: ignore[misc]


def test_given_servers_are_used_as_given() -> None:
    given = Settings(database_url="postgresql://h/d", redis_url="rediss://h/0", redis_ca=Path("/etc/ca of ours.pem"))
    found = resolve(given)
    assert found.database_url == "postgresql://h/d"
    assert found.database_owner_url is None
    assert found.redis_url == "rediss://h/0?ssl_ca_certs=%2Fetc%2Fca%20of%20ours.pem"


def test_the_embedded_servers_stand_in_for_what_is_not_given(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    claimed: list[Path] = []
    # a claim lasts as long as its process, and this one's would keep the last of the tests from stopping the servers
    monkeypatch.setattr("config.embedded.servers.claim", claimed.append)
    found = resolve(Settings(state_dir=shared_state(), redis_url="redis://elsewhere.example/1"))
    assert found.database_url == servers.database_url
    assert found.database_owner_url == servers.owner_url
    assert found.redis_url == "redis://elsewhere.example/1"
    assert claimed == [shared_state()]


def test_authorities_join_what_the_address_says_already() -> None:
    assert with_certificates("rediss://h/0?ssl_check_hostname=true", Path("/c.pem")) == (
        "rediss://h/0?ssl_check_hostname=true&ssl_ca_certs=%2Fc.pem"
    )


def test_the_guide_lists_every_setting_as_it_is() -> None:
    from config.settings_table import table

    assert table() in GUIDE.read_text(encoding="utf-8"), (
        "run `python -m config.settings_table` to renew docs/running.md"
    )


def test_every_setting_is_described() -> None:
    assert [
        name for name, field in Settings.model_fields.items() if not (field.description or "").endswith((".", "…"))
    ] == []
    assert PREFIX == "FORBEAR_"
