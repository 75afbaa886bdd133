"""Budgets of runs and experiments, and what each run used on each day."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WORDS = sa.String(16).with_variant(sa.String(collation="C"), "postgresql")
DAY = sa.String(10).with_variant(sa.String(collation="C"), "postgresql")
BUDGET = (("budget_tokens", WHOLE), ("budget_cost", sa.Float(53)))


def upgrade() -> None:
    for name in ("run", "experiment"):
        with op.batch_alter_table(name) as table:
            for column, kind in BUDGET:
                table.add_column(sa.Column(column, kind, nullable=True))
    op.create_table(
        "usage_day",
        sa.Column("day", DAY, nullable=False),
        sa.Column("subject", WORDS, nullable=False),
        sa.Column("calls", WHOLE, nullable=False),
        sa.Column("prompt_tokens", WHOLE, nullable=False),
        sa.Column("completion_tokens", WHOLE, nullable=False),
        sa.Column("cost", sa.Float(53), nullable=False),
        sa.Column("unpriced", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("day", "subject"),
    )


def downgrade() -> None:
    op.drop_table("usage_day")
    for name in ("experiment", "run"):
        with op.batch_alter_table(name) as table:
            for column, _ in reversed(BUDGET):
                table.drop_column(column)
