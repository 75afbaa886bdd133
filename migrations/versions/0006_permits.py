"""Limits of endpoints over all processes."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    bytewise = sa.String(collation="C")
    op.create_table(
        "endpoint_account",
        sa.Column("name", sa.String(length=40).with_variant(bytewise, "postgresql"), nullable=False),
        sa.Column("account", sa.Text().with_variant(bytewise, "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    op.drop_table("endpoint_account")
