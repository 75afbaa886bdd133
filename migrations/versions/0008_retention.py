"""What a retention rule dropped from a run, and when."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    words = sa.String(length=80)
    if op.get_bind().dialect.name == "postgresql":
        words = sa.String(collation="C")
    with op.batch_alter_table("run") as run:
        run.add_column(sa.Column("prompts_dropped_at", sa.DateTime(timezone=True), nullable=True))
        run.add_column(sa.Column("calls_dropped_at", sa.DateTime(timezone=True), nullable=True))
        run.add_column(sa.Column("dropped_by", words, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("run") as run:
        run.drop_column("dropped_by")
        run.drop_column("calls_dropped_at")
        run.drop_column("prompts_dropped_at")
