"""PostgreSQL: columns that take what SQLite takes.

SQLite enforces no length of a text and keeps every whole number in 64 bits; there nothing changes. On PostgreSQL text
becomes VARCHAR without a length, compared byte by byte, and whole numbers become BIGINT, whichever revision made them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    inspector = sa.inspect(connection)
    for table in inspector.get_table_names():
        if table == "alembic_version":
            continue
        for column in inspector.get_columns(table):
            serial = str(column.get("default") or "").startswith("nextval(")
            if isinstance(column["type"], sa.String):
                op.alter_column(table, column["name"], type_=sa.String(collation="C"))
            elif type(column["type"]) is sa.INTEGER and not serial:
                op.alter_column(table, column["name"], type_=sa.BigInteger())


def downgrade() -> None:
    """Leave the columns as they are: whatever fitted the narrower ones fits these."""
