"""How a call's answer was made, where the endpoint says so."""

import sqlalchemy as sa
from alembic import op

from app.store.types import Words

revision = "0020"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("call", sa.Column("decoding", Words(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("call") as call:
        call.drop_column("decoding")
