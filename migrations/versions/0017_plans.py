"""Plans of experiments, frozen in versions that never change."""

import sqlalchemy as sa
from alembic import op

from app.store.types import UtcDateTime, Whole, Words

revision = "0017"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "experiment_plan",
        sa.Column("experiment_id", Words(16), sa.ForeignKey("experiment.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("version", Whole, primary_key=True),
        sa.Column("frozen_at", UtcDateTime(), nullable=False),
        sa.Column("plan", Words(), nullable=False),
        sa.Column("hash", Words(64), nullable=False),
        sa.Column("reason", Words(1000), nullable=True),
        sa.Column("configs", sa.JSON(), nullable=False),
        sa.Column("prompts", sa.JSON(), nullable=False),
        sa.Column("begun", Whole, nullable=False),
        sa.Column("ended", Whole, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("experiment_plan")
