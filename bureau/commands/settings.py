"""Reading the settings for a command, with one clear line when the environment is wrong."""

from pydantic import ValidationError

from bureau.errors import WrongSettingError
from infrastructure.settings import SecretKeyError, Settings, signing_key

__all__ = ["load_settings", "require_signing_key"]


def load_settings() -> Settings:
    """Return the settings of the environment and `.env`; raises WrongSettingError naming the wrong variable."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        reason = first["msg"].removeprefix("Value error, ")
        message = f"the environment variable {first['loc'][0]} is wrong: {reason}"
        raise WrongSettingError(message) from error


def require_signing_key(settings: Settings) -> None:
    """Raise WrongSettingError when there is no key worth the name to sign with."""
    try:
        signing_key(settings)
    except SecretKeyError as error:
        raise WrongSettingError(str(error)) from error
