"""The books, first shape."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Carries out the SQL that stands beside this file, where it can be read as a document."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """There is nothing before the first shape."""
    raise RuntimeError("the first shape of the books has no predecessor; set the database aside instead")
