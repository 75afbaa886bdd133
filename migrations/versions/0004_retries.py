"""Runs and subskill tests that try again by themselves: when, how often, and what they wait for."""

import sqlalchemy as sa
from alembic import op

revision = "0004_retries"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = ("run", "subskill_run")
WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WORDS = sa.String(240).with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True))
        op.add_column(table, sa.Column("retries", WHOLE, nullable=False, server_default="0"))
        op.add_column(table, sa.Column("waits_for", WORDS, nullable=True))
        op.create_index(f"ix_{table}_waits_for", table, ["waits_for"])


def downgrade() -> None:
    for table in TABLES:
        op.drop_index(f"ix_{table}_waits_for", table)
        for column in ("waits_for", "retries", "retry_at"):
            op.drop_column(table, column)
