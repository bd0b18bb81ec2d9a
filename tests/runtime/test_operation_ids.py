"""The names by which generated clients call the API: they stay, whatever becomes of paths and modules."""

import pytest
from pydantic import SecretStr

from bureau.local.combined import merge_specifications
from command_api.application import create_application as create_command_application
from infrastructure.settings import Settings
from query_api.application import create_application as create_query_application

COMMANDS = """
acknowledge_cancel add_message append_artifact cancel_context cancel_task cancel_tasks change_budget complete_task
decide_on_approval fail_task heartbeat lease_tasks pause_agent provide_input register_agent reject_task release_task
remove_budget report_progress request_approval request_input resume_agent resume_tasks retire_agent retry_dead_letter
retry_task set_budget skip_dead_letter submit_batch submit_task update_agent use_approval
"""
QUERIES = """
get_agent get_approval get_budget get_context get_dead_letter get_task get_usage list_agents list_approvals list_budgets
list_dead_letters list_tasks list_timeline
"""
PROBES = "health ready"


@pytest.fixture
def settings() -> Settings:
    return Settings(_env_file=None, secret_key=SecretStr("a secret key of the tests, at least 32 characters"))


def test_an_operation_is_called_as_it_always_was(settings: Settings) -> None:
    documents = [make(settings).openapi() for make in (create_command_application, create_query_application)]
    whole = merge_specifications(*documents)

    found = [operation for operations in whole["paths"].values() for operation in operations.values()]
    assert sorted(each["operationId"] for each in found) == sorted(f"{COMMANDS}{QUERIES}{PROBES}".split())
    assert {tag for each in found for tag in each["tags"]} == {tag["name"] for tag in whole["tags"]}
