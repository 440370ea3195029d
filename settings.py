"""Settings: read from the environment, once, typed. A wrong value ends the start with a sentence that names it."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AnyUrl, Field, SecretStr, UrlConstraints, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PostgresUrl = Annotated[AnyUrl, UrlConstraints(allowed_schemes=["postgresql", "postgres"])]
RedisUrl = Annotated[str, Field(pattern=r"^(rediss?|unix|rediss?\+sentinel)://.+")]
HttpUrl = Annotated[AnyUrl, UrlConstraints(allowed_schemes=["http", "https"], host_required=True)]


class InvalidSettings(Exception):
    """One sentence for each variable that cannot be used."""


class Settings(BaseSettings):
    """Everything that can be set. A store whose URL is unset is started from its wheel, with its data in SEGUE_DATA."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    segue_data: Path = Path(".data")
    public_url: HttpUrl | None = None
    """How clients reach the gateway, for the artwork URLs it hands out; without it, the request's own host."""

    drain_seconds: float = Field(10, ge=0, le=600)
    """Over which websockets are closed before the process ends, so that not all devices come back at once."""
    stream_lifetime_seconds: float = Field(1800, ge=1, le=86_400)
    """After which a subscription ends, give or take a tenth; the device subscribes again with its token."""

    jobs: bool = True
    """Whether `serve` runs the background jobs too. Without, they need a `worker`."""

    database_url: PostgresUrl | None = None
    database_pool_size: int = Field(10, ge=1, le=1000)
    redis_url: RedisUrl | None = None

    trusted_proxies: str = ""
    """Addresses or networks of the proxies in front, separated by commas: only they may say whom they ask for."""

    argon2_passes: int = Field(3, ge=1, le=100)
    argon2_memory_kib: int = Field(65_536, ge=8_192, le=4_194_304)
    argon2_lanes: int = Field(4, ge=1, le=64)
    """RFC 9106's second choice: 3 passes over 64 MiB in 4 lanes."""

    rate_limit_stream: int = Field(300, ge=1)
    rate_limit_search: int = Field(30, ge=1)
    rate_limit_library: int = Field(100, ge=1)
    rate_limit_recommendations: int = Field(20, ge=1)
    rate_limit_sign_in: int = Field(10, ge=1)
    """Uses a minute, of each listener, or of each address while anonymous."""

    s3_endpoint_url: HttpUrl | None = None
    s3_public_url: HttpUrl | None = None
    """The name in signed URLs, such as a CDN's; without it, the endpoint itself."""
    s3_bucket: str = Field("segue", pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    aws_region: str = "us-east-1"
    aws_access_key_id: str | None = None
    aws_secret_access_key: SecretStr | None = None

    @model_validator(mode="after")
    def keys_for_a_foreign_s3(self) -> Self:
        if self.s3_endpoint_url and not (self.aws_access_key_id and self.aws_secret_access_key):
            raise ValueError("S3_ENDPOINT_URL is set: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for it too.")
        return self


def read_settings() -> Settings:
    """The environment as Settings. Raises InvalidSettings."""
    try:
        return Settings()
    except ValidationError as error:
        raise InvalidSettings("\n".join(sentence(problem) for problem in error.errors())) from None


def sentence(problem: object) -> str:
    """A validation problem in words: which variable, what is wrong with it, what it holds."""
    assert isinstance(problem, dict)
    message = str(problem["msg"]).removeprefix("Value error, ")
    if not problem["loc"]:
        return message
    name = str(problem["loc"][0]).upper()
    shown = "***" if "SECRET" in name or "URL" in name else repr(problem["input"])
    return f"{name}: {message[0].lower()}{message[1:]}; it is {shown}."
