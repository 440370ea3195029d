"""Settings come from the environment; what is wrong with them is said in one sentence a variable."""

from pathlib import Path

import pytest

from settings import InvalidSettings, read_settings
from tests.fixtures.processes import VARIABLES, processes_of, segue


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "abc", "integer"),
        ("PORT", "70000", "65535"),
        ("PORT", "-1", "0"),
        ("DATABASE_URL", "mysql://me:hunter2@db/music", "postgres"),
        ("DATABASE_URL", "segue:hunter2@db/music", "URL"),
        ("REDIS_URL", "http://:hunter2@cache:6379", "redis"),
        ("S3_ENDPOINT_URL", "ftp://files", "http"),
        ("S3_PUBLIC_URL", "cdn.example", "URL"),
        ("S3_BUCKET", "No_Such Bucket", "pattern"),
        ("S3_BUCKET", "ab", "pattern"),
        ("DATABASE_POOL_SIZE", "0", "1"),
        ("PUBLIC_URL", "https://", "host"),
        ("DRAIN_SECONDS", "-1", "0"),
        ("STREAM_LIFETIME_SECONDS", "soon", "number"),
    ],
)
def test_a_bad_value_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(InvalidSettings) as told:
        read_settings()

    sentence = str(told.value)
    assert sentence.startswith(name)
    assert says.lower() in sentence.lower()
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "hunter2" not in sentence


def test_each_of_several_bad_values_has_its_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "abc")
    monkeypatch.setenv("S3_BUCKET", "Ü")

    with pytest.raises(InvalidSettings) as told:
        read_settings()

    assert [line.split(":")[0] for line in str(told.value).splitlines()] == ["PORT", "S3_BUCKET"]


def test_a_foreign_s3_needs_its_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_ENDPOINT_URL", "https://s3.example")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")

    with pytest.raises(InvalidSettings, match=r"^S3_ENDPOINT_URL .*AWS_ACCESS_KEY_ID") as told:
        read_settings()

    assert "hunter2" not in str(told.value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "me")
    assert str(read_settings().s3_endpoint_url) == "https://s3.example/"


def test_settings_do_not_show_the_secret_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")

    assert "hunter2" not in repr(read_settings())


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "")

    settings = read_settings()

    assert settings.port == 8000
    assert settings.database_url is None
    assert settings.s3_bucket == "segue"


async def test_a_command_with_a_bad_setting_ends_with_the_sentence_and_starts_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"

    with segue("serve", log=tmp_path / "log", SEGUE_DATA=str(data), PORT="abc") as command:
        assert await command.status() == 1

    assert command.said.startswith("PORT: ")
    assert len(command.said.splitlines()) == 1
    assert not data.exists()
    assert processes_of(tmp_path) == []
