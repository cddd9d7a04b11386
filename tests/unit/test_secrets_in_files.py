"""Secrets are in separate files, as provided by Docker and Kubernetes; our addresses have a port."""

import pytest

from services.errors import SettingsWrong
from services.runtime.settings import Address, Settings, from_environment

URL = "ANONYMIZER_REDIS_URL"
PASSWORD = "ANONYMIZER_REDIS_PASSWORD"


def test_a_file_that_is_not_named_is_not_looked_for():
    """Compose files pass unset variables as empty strings."""
    assert from_environment({URL + "_FILE": "", PASSWORD + "_FILE": ""}) == Settings()


@pytest.mark.parametrize(
    ("url", "made"),
    [
        ("redis://redis:6379/0", "redis://:p%40ss%2Fw%C3%B6rd@redis:6379/0"),
        ("rediss://me@redis:6380/1?ssl_ca_certs=/ca", "rediss://me:p%40ss%2Fw%C3%B6rd@redis:6380/1?ssl_ca_certs=/ca"),
    ],
)
def test_a_password_is_in_a_file_of_its_own(tmp_path, url, made):
    """With any characters, and any end of the file."""
    secret = tmp_path / "password"
    secret.write_text("p@ss/wörd\n")
    assert from_environment({URL: url, PASSWORD + "_FILE": str(secret)}).redis_url == made


def test_no_secret_is_shown_with_the_settings():
    """Settings may be printed for diagnosis."""
    settings = from_environment({URL: "redis://redis/0", PASSWORD: "s3cret"})
    assert "s3cret" not in repr(settings)


def test_an_address_has_a_host_and_a_port():
    """IPv6 in brackets."""
    assert from_environment({"ANONYMIZER_METRICS": "[::1]:9464"}).metrics == Address("::1", 9464)


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"ANONYMIZER_SHARE_FILE": "/x"}, "ANONYMIZER_SHARE_FILE is not a setting"),
        ({"ANONYMIZER_METRICS": "9464"}, "ANONYMIZER_METRICS must be an address with a port"),
        ({"ANONYMIZER_METRICS": "0.0.0.0:94640"}, "ANONYMIZER_METRICS must be an address with a port"),
        ({PASSWORD: "x"}, "ANONYMIZER_REDIS_PASSWORD belongs to an ANONYMIZER_REDIS_URL"),
        ({PASSWORD: "x", URL: "redis://:y@redis/0"}, "ANONYMIZER_REDIS_PASSWORD belongs to"),
        ({PASSWORD: "x", URL: "unix:///run/redis.sock"}, "ANONYMIZER_REDIS_PASSWORD belongs to"),
        ({PASSWORD: "x", PASSWORD + "_FILE": "/x"}, "are both set"),
        ({PASSWORD + "_FILE": "/does/not/exist"}, "cannot be read: FileNotFoundError"),
        ({PASSWORD + "_FILE": "/dev/null"}, "The file that ANONYMIZER_REDIS_PASSWORD_FILE names is empty"),
    ],
)
def test_what_cannot_be_used_is_named(environment, says):
    """The sentence gives the variable and what is expected, never a secret."""
    with pytest.raises(SettingsWrong, match=says):
        from_environment(environment)
