"""An index over all that lists of runs filter by."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COLUMNS = (
    *("scenario", "condition", "state", "minds", "models", "name"),
    *("experiment_id", "survived", "censored", "unreadable", "id"),
)


def upgrade() -> None:
    op.create_index("ix_run_lists", "run", [*COLUMNS])


def downgrade() -> None:
    op.drop_index("ix_run_lists", "run")
