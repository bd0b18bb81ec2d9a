"""What the APIs refuse to start with."""

import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from command_api.application import create_application as create_command_application
from infrastructure.settings import SecretKeyError, Settings
from query_api.application import create_application as create_query_application


@pytest.mark.parametrize("create", [create_command_application, create_query_application])
@pytest.mark.parametrize("secret", ["", "short"])
def test_an_api_does_not_start_without_a_key_to_sign_with(create: object, secret: str) -> None:
    settings = Settings(secret_key=SecretStr(secret))

    with pytest.raises(SecretKeyError, match="BUREAU_SECRET_KEY"):
        _started(create, settings)


def _started(create: object, settings: Settings) -> FastAPI:
    assert callable(create)
    application = create(settings)
    assert isinstance(application, FastAPI)
    return application
