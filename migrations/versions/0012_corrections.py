"""What people say of agreed limits that were read wrongly: versions, never changed."""

import sqlalchemy as sa
from alembic import op

from app.store.types import UtcDateTime, Whole, Words

revision = "0012"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "correction",
        sa.Column("run_id", Words(16), sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("month", Whole, primary_key=True),
        sa.Column("version", Whole, primary_key=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("author", Words(100), nullable=False),
        sa.Column("read", Whole, nullable=True),
        sa.Column("before", Whole, nullable=True),
        sa.Column("limit", Whole, nullable=True),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("note", Words(), nullable=True),
    )


def downgrade() -> None:
    op.drop_table("correction")
