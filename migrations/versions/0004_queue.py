"""Priority of a run; Procrastinate's tables on PostgreSQL."""

import sqlalchemy as sa
from alembic import op

from app.store.queue_schema import drop_queue

revision = "0004_queue"
down_revision = ("0004_postgresql", "0004_retries")
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("run") as run:
        run.add_column(sa.Column("priority", sa.SmallInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    drop_queue(op.get_bind())
    with op.batch_alter_table("run") as run:
        run.drop_column("priority")
