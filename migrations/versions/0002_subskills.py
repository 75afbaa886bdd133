"""subskill tests."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "subskill_run",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submission", sa.String(length=64), nullable=True),
        sa.Column("origin", sa.String(length=10), nullable=False),
        sa.Column("test_set", sa.String(length=60), nullable=False),
        sa.Column("set_id", sa.String(length=16), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("scenario", sa.String(length=40), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("tests", sa.JSON(), nullable=False),
        sa.Column("sampling", sa.Text(), nullable=True),
        sa.Column("prompts", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("reason_kind", sa.String(length=12), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("control", sa.String(length=8), nullable=True),
        sa.Column("owner", sa.String(length=120), nullable=True),
        sa.Column("heartbeat", sa.DateTime(timezone=True), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("fruitless", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("unreadable", sa.Integer(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Float(precision=53), nullable=True),
        sa.Column("unpriced_calls", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("content_sha256", sa.String(length=64), nullable=True),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("content_sha256"),
        sa.UniqueConstraint("submission", "scenario"),
    )
    with op.batch_alter_table("subskill_run", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_subskill_run_set_id"), ["set_id"], unique=False)
        batch_op.create_index("ix_subskill_run_state_created", ["state", "created_at"], unique=False)
    op.create_table(
        "subskill_case",
        sa.Column("run_id", sa.String(length=16), nullable=False),
        sa.Column("test", sa.String(length=80), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("agent", sa.String(length=40), nullable=False),
        sa.Column("stock", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=True),
        sa.Column("low", sa.Integer(), nullable=False),
        sa.Column("high", sa.Integer(), nullable=False),
        sa.Column("prompt_hash", sa.String(length=64), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("answer", sa.BigInteger(), nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["subskill_run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "test", "number"),
    )
    op.create_table(
        "subskill_call",
        sa.Column("run_id", sa.String(length=16), nullable=False),
        sa.Column("test", sa.String(length=80), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("messages", sa.LargeBinary(), nullable=False),
        sa.Column("completion", sa.LargeBinary(), nullable=True),
        sa.Column("thinking", sa.LargeBinary(), nullable=True),
        sa.Column("prompt_tokens", sa.Integer(), nullable=True),
        sa.Column("completion_tokens", sa.Integer(), nullable=True),
        sa.Column("finish_reason", sa.String(length=60), nullable=True),
        sa.Column("model_revision", sa.String(length=200), nullable=True),
        sa.Column("fingerprint", sa.String(length=200), nullable=True),
        sa.Column("provider", sa.String(length=200), nullable=True),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.Column("transport_attempts", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Float(precision=53), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["subskill_run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "test", "number", "attempt"),
    )


def downgrade() -> None:
    op.drop_table("subskill_call")
    op.drop_table("subskill_case")
    with op.batch_alter_table("subskill_run", schema=None) as batch_op:
        batch_op.drop_index("ix_subskill_run_state_created")
        batch_op.drop_index(batch_op.f("ix_subskill_run_set_id"))

    op.drop_table("subskill_run")
