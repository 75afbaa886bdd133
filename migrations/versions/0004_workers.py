"""Worker processes and what endpoints were asked: what /operations and /metrics show."""

import sqlalchemy as sa
from alembic import op

revision = "0004_workers"
down_revision = "0004_postgresql"
branch_labels = None
depends_on = None


def words(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(collation="C"), "postgresql")


def whole() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "worker",
        sa.Column("id", words(120), nullable=False),
        sa.Column("role", words(12), nullable=False),
        sa.Column("host", words(100), nullable=False),
        sa.Column("pid", whole(), nullable=False),
        sa.Column("version", words(40), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat", sa.DateTime(timezone=True), nullable=False),
        sa.Column("capacity", whole(), nullable=False),
        sa.Column("playing", whole(), nullable=False),
        sa.Column("testing", whole(), nullable=False),
        sa.Column("stopping", sa.Boolean(), nullable=False),
        sa.Column("calls_per_minute", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "endpoint_total",
        sa.Column("endpoint", words(40), nullable=False),
        sa.Column("measure", words(40), nullable=False),
        sa.Column("value", whole(), nullable=False),
        sa.PrimaryKeyConstraint("endpoint", "measure"),
    )
    op.create_table(
        "endpoint_minute",
        sa.Column("endpoint", words(40), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered", whole(), nullable=False),
        sa.Column("failed", whole(), nullable=False),
        sa.Column("latency_ms", whole(), nullable=False),
        sa.Column("prompt_tokens", whole(), nullable=False),
        sa.Column("completion_tokens", whole(), nullable=False),
        sa.Column("cost", sa.Float(precision=53), nullable=False),
        sa.Column("unpriced", whole(), nullable=False),
        sa.PrimaryKeyConstraint("endpoint", "minute"),
    )
    op.create_index("ix_endpoint_minute_minute", "endpoint_minute", ["minute"])
    op.create_index("ix_run_log_kind", "run_log", ["kind", "id"])


def downgrade() -> None:
    op.drop_index("ix_run_log_kind", table_name="run_log")
    op.drop_table("endpoint_minute")
    op.drop_table("endpoint_total")
    op.drop_table("worker")
