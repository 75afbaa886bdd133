"""Experiments keep the definition they were launched by, runs the label of their model in it."""

import sqlalchemy as sa
from alembic import op

from app.store.types import Words

revision = "0016"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("experiment", sa.Column("definition", Words(), nullable=True))
    op.add_column("run", sa.Column("model_label", Words(80), nullable=True))


def downgrade() -> None:
    op.drop_column("run", "model_label")
    op.drop_column("experiment", "definition")
