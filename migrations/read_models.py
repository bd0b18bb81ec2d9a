"""What a migration that changes a read model needs: the tables of all its versions, not only those Alembic compares.

for schema in read_schemas("tasks"):
    op.add_column("task_list", sa.Column("owner", sa.Text()), schema=schema)
"""

import re

import sqlalchemy as sa
from alembic import op

__all__ = ["read_schemas"]


def read_schemas(projection: str) -> list[str]:
    """Return the schemas that hold tables of a projection: `read`, and those of later versions that are there."""
    later = re.compile(rf"read_{re.escape(projection)}_v[0-9]+").fullmatch
    names = op.get_bind().execute(sa.text("SELECT nspname FROM pg_namespace ORDER BY nspname")).scalars()
    return ["read", *filter(later, names)]
