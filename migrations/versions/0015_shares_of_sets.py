"""Links to experiments and comparisons, what they leave out, and the call that a snapshot ends at."""

import sqlalchemy as sa
from alembic import op

from app.store.types import Whole, Words

revision = "0015"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("share") as share:
        share.alter_column("run_id", existing_type=Words(16), nullable=True)
        share.add_column(sa.Column("scope", Words(12), nullable=False, server_default="run"))
        share.add_column(sa.Column("experiment_id", Words(16), nullable=True))
        share.add_column(sa.Column("query", Words(), nullable=True))
        share.add_column(sa.Column("last_call", Whole, nullable=True))
        share.add_column(sa.Column("follows", sa.Boolean(), nullable=False, server_default=sa.false()))
        share.add_column(sa.Column("with_costs", sa.Boolean(), nullable=False, server_default=sa.true()))
        share.add_column(sa.Column("author", Words(200), nullable=True))
        share.create_foreign_key(
            "fk_share_experiment_id_experiment", "experiment", ["experiment_id"], ["id"], ondelete="CASCADE"
        )
    op.create_index("ix_share_experiment_id", "share", ["experiment_id"])
    op.execute(sa.text("UPDATE share SET follows = (last_seq IS NULL)"))
    op.create_table(
        "share_run",
        sa.Column("share_id", Words(16), sa.ForeignKey("share.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("run_id", Words(16), sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("last_seq", Whole, nullable=True),
        sa.Column("last_call", Whole, nullable=True),
    )
    op.create_index("ix_share_run_run_id", "share_run", ["run_id"])


def downgrade() -> None:
    op.drop_table("share_run")
    op.execute(sa.text("DELETE FROM share WHERE scope <> 'run'"))
    op.drop_index("ix_share_experiment_id", "share")
    with op.batch_alter_table("share") as share:
        share.drop_constraint("fk_share_experiment_id_experiment", type_="foreignkey")
        for name in ("author", "with_costs", "follows", "last_call", "query", "experiment_id", "scope"):
            share.drop_column(name)
        share.alter_column("run_id", existing_type=Words(16), nullable=False)
