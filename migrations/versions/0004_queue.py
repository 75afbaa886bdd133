"""Priority of a run."""

import sqlalchemy as sa
from alembic import op

revision = "0004_queue"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("run") as run:
        run.add_column(sa.Column("priority", sa.SmallInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("run") as run:
        run.drop_column("priority")
