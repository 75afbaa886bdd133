"""Fingerprint and provider of a call."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("call") as call:
        call.add_column(sa.Column("fingerprint", sa.String(length=200), nullable=True))
        call.add_column(sa.Column("provider", sa.String(length=200), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("call") as call:
        call.drop_column("provider")
        call.drop_column("fingerprint")
