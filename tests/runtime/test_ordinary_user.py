"""Everything local also works for somebody who is not root (a user namespace stands in for that person)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bureau.embedded.process import launcher_command

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="an ordinary user runs every test so"),
]

STARTING_BOTH = """
import os, sys
from pathlib import Path
from bureau.embedded import *
assert os.geteuid() == 1, os.geteuid()
home = Path(sys.argv[1])
postgres = start_postgres(PostgresConfig(home / "postgres"))
valkey = start_valkey(ValkeyConfig(home / "valkey"))
kill_postgres(postgres)
postgres = start_postgres(postgres.config)
stop_valkey(valkey)
stop_postgres(postgres)
print("both came and went")
"""


def test_both_servers_start_for_an_ordinary_user(server_directory: Path) -> None:
    server_directory.chmod(0o700)
    program = (sys.executable, "-c", STARTING_BOTH, str(server_directory))
    command = launcher_command(program, options=("--namespace", "1:1"))
    result = subprocess.run(
        command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=Path(__file__).parents[2]
    )
    if "Operation not permitted" in result.stderr and "unshare" in result.stderr:
        pytest.skip("this kernel gives no user namespaces")
    assert result.stdout == "both came and went\n", result.stderr
