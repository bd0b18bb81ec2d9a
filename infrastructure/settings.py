"""Configuration from the environment (12-factor); read once by each process's entry point and passed on.

Never read by a service or a route: they receive what they need. `.env` is for local work only.
"""

from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["SecretKeyError", "Settings", "signing_key"]

_SECRET_CHARACTERS = 32
_PUBLISHED = "development-only"
"""What the secrets hold that are published with the project, so that a fresh clone starts without any setting."""

_SCHEMES = {
    "database_url": ("postgresql://", "postgres://"),
    "redis_url": ("redis://", "rediss://", "unix://"),
}


class SecretKeyError(ValueError):
    """The secret key is missing or too short to sign anything."""


class Settings(BaseSettings):
    """Every environment variable of the service; the field's alias is the variable's name."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, populate_by_name=True)

    database_url: SecretStr = Field(
        default=SecretStr("postgresql://bureau@127.0.0.1:5432/bureau"),
        alias="DATABASE_URL",
        description="PostgreSQL 18 or newer, as postgresql://user:password@host:port/database.",
    )
    redis_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"),
        alias="REDIS_URL",
        description="Redis 7.2 or Valkey 8 or newer, as redis://user:password@host:port/0.",
    )
    environment: Literal["development", "production"] = Field(
        default="development",
        alias="BUREAU_ENVIRONMENT",
        description="production hides /docs and /redoc, and refuses the published secrets of development.",
    )
    secret_key: SecretStr = Field(
        default=SecretStr(""),
        alias="BUREAU_SECRET_KEY",
        description="At least 32 characters; signs lease tokens and cursors. The same for every replica.",
    )
    bootstrap_api_key: SecretStr = Field(
        default=SecretStr(""),
        alias="BUREAU_API_KEY",
        description="The API key that `bureau migrate` stores (as a hash) for the default workspace.",
    )
    shards: int = Field(
        default=16,
        ge=1,
        le=1024,
        alias="BUREAU_SHARDS",
        description="Shards of the log; fixed when the database is made.",
    )
    host: str = Field(default="127.0.0.1", alias="BUREAU_HOST", description="Address that a process listens on.")
    port: int = Field(default=8000, ge=0, le=65535, alias="BUREAU_PORT", description="Port that a process listens on.")
    database_pool_size: int = Field(
        default=6, ge=1, le=100, alias="BUREAU_DATABASE_POOL", description="PostgreSQL connections a process."
    )
    max_body_bytes: int = Field(
        default=1_048_576, ge=1024, alias="BUREAU_MAX_BODY_BYTES", description="Largest request body; more answers 413."
    )
    request_seconds: float = Field(
        default=15.0, gt=0, le=600, alias="BUREAU_REQUEST_SECONDS", description="Longest time to an answer; then 503."
    )
    log_retention_days: int = Field(
        default=0,
        ge=0,
        alias="BUREAU_LOG_RETENTION_DAYS",
        description="Days after which the log goes to the archive, as far as nobody needs it; 0: never.",
    )
    stream_keep: int = Field(
        default=10_000,
        ge=1,
        alias="BUREAU_STREAM_KEEP",
        description="Newest events that every stream keeps, whether they were read or not.",
    )
    stream_limit: int = Field(
        default=1_000_000,
        ge=1,
        alias="BUREAU_STREAM_LIMIT",
        description="Most events that a stream holds for a reader that lags; it misses the older ones.",
    )
    receipt_days: int = Field(
        default=30,
        ge=1,
        le=3650,
        alias="BUREAU_RECEIPT_DAYS",
        description="Days within which a command may be repeated with its key; then its receipt is purged.",
    )
    log_format: Literal["auto", "console", "json"] = Field(
        default="auto", alias="BUREAU_LOG_FORMAT", description="auto: readable on a terminal, JSON lines otherwise."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", alias="BUREAU_LOG_LEVEL", description="The least severe level that is logged."
    )

    @field_validator("database_url", "redis_url")
    @classmethod
    def _require_known_scheme(cls, url: SecretStr, field: ValidationInfo) -> SecretStr:
        schemes = _SCHEMES[field.field_name or ""]
        if not url.get_secret_value().startswith(schemes):
            message = f"it has to begin with {' or '.join(schemes)}"
            raise ValueError(message)
        return url

    @field_validator("secret_key", "bootstrap_api_key")
    @classmethod
    def _refuse_published_secrets(cls, secret: SecretStr, given: ValidationInfo) -> SecretStr:
        if given.data.get("environment") == "production" and _PUBLISHED in secret.get_secret_value():
            message = (
                f"it holds {_PUBLISHED}, which everyone knows, and BUREAU_ENVIRONMENT is production: make your own"
            )
            raise ValueError(message)
        return secret


def signing_key(settings: Settings) -> bytes:
    """Return the key that signs lease tokens and cursors; raises SecretKeyError where there is none worth the name."""
    secret = settings.secret_key.get_secret_value()
    if len(secret) < _SECRET_CHARACTERS:
        message = f"BUREAU_SECRET_KEY needs at least {_SECRET_CHARACTERS} characters; make one: openssl rand -base64 48"
        raise SecretKeyError(message)
    return secret.encode()
