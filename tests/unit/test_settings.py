"""The service's settings are read from the environment, and nothing is silently misunderstood."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.errors import SettingsWrong
from services.runtime.settings import TABLE, Settings, from_environment


def test_what_is_not_set_has_its_default() -> None:
    """An empty string, as passed by manifests, counts as unset; foreign variables are ignored."""
    assert from_environment({"HOME": "/root", "ANONYMIZER_SHARE": ""}) == Settings()


def test_everything_can_be_set() -> None:
    """Each with its type."""
    given = {
        "ANONYMIZER_REDIS_URL": "rediss://redis:6380/1",
        "ANONYMIZER_SHARE": "/data/share",
        "ANONYMIZER_QUIET_S": "2.5",
        "ANONYMIZER_PATIENCE_S": "60",
        "ANONYMIZER_RESCAN_S": "5",
        "ANONYMIZER_RECONCILE_S": "30",
        "ANONYMIZER_OBSERVER": "polling",
        "ANONYMIZER_TIMEZONE": "Europe/Berlin",
        "ANONYMIZER_MACHINES": "/data/machines",
        "ANONYMIZER_LOG_FORMAT": "json",
        "ANONYMIZER_LOG_LEVEL": "debug",
    }

    assert from_environment(given) == Settings(
        redis_url="rediss://redis:6380/1",
        share=Path("/data/share"),
        quiet_s=2.5,
        patience_s=60.0,
        rescan_s=5.0,
        reconcile_s=30.0,
        observer="polling",
        timezone=ZoneInfo("Europe/Berlin"),
        machines=Path("/data/machines"),
        log_format="json",
        log_level="debug",
    )


def test_the_table_names_every_setting() -> None:
    """It is shown in `docs/settings.md`."""
    assert [setting.name.lower() for setting in TABLE] == [field.name for field in fields(Settings)]


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("ANONYMIZER_QUITE_S", "10", "ANONYMIZER_QUITE_S is not a setting"),
        ("ANONYMIZER_QUIET_S", "ten", "ANONYMIZER_QUIET_S must be a number of seconds above zero"),
        ("ANONYMIZER_QUIET_S", "nan", "above zero"),
        ("ANONYMIZER_QUIET_S", "-1", "above zero"),
        ("ANONYMIZER_QUIET_S", "9" * 5000, "above zero"),
        ("ANONYMIZER_AUDIT_DAYS", "0", "a number of days"),
        ("ANONYMIZER_AUDIT_DAYS", "1" + "0" * 5000, "a number of days"),
        ("ANONYMIZER_METRICS", "127.0.0.1:" + "9" * 5000, "an address with a port"),
        ("ANONYMIZER_OBSERVER", "inotify", "one of auto, events, polling"),
        ("ANONYMIZER_REDIS_URL", "localhost", "an address like redis://"),
        ("ANONYMIZER_SHARE", "share", "an absolute path"),
        ("ANONYMIZER_TIMEZONE", "../../etc/passwd", "a time zone"),
        ("ANONYMIZER_TIMEZONE", "Middle/Earth", "a time zone"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(variable: str, value: str, says: str) -> None:
    """At the start."""
    with pytest.raises(SettingsWrong, match=says):
        from_environment({variable: value})


def test_the_redis_password_is_not_shown() -> None:
    """A URL may contain one."""
    assert "secret" not in repr(from_environment({"ANONYMIZER_REDIS_URL": "redis://:secret@host/0"}))


def test_every_setting_reaches_the_containers() -> None:
    """Values in `.env` are passed on: the compose project names each setting, or the image sets it."""
    project = Path(__file__).parents[2]
    said = "".join((project / name).read_text("utf-8") for name in ("docker-compose.yml", "Dockerfile"))
    assert [setting.name for setting in TABLE if f"ANONYMIZER_{setting.name}" not in said] == []
