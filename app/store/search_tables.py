"""The tables of the search over all runs. They hold nothing that cannot be made again from the records.

The words themselves lie in `search_words`, a table that each kind of database makes in its own way (search_words.py).
"""

from sqlalchemy import ForeignKey, Integer, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.store.tables import Base
from app.store.types import Words

TRANSIENT = {"info": {"transient": True}}


class SearchRunRow(Base):
    """How far a run is indexed: its events to number `events`, `calls` calls to number `last_call`, `months` of it.

    `whole` says that nothing will follow.
    """

    __tablename__ = "search_run"
    __table_args__ = TRANSIENT

    no: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    run_id: Mapped[str] = mapped_column(Words(16), ForeignKey("run.id", ondelete="CASCADE"), unique=True)
    events: Mapped[int] = mapped_column(default=0)
    calls: Mapped[int] = mapped_column(default=0)
    last_call: Mapped[int] = mapped_column(default=0)
    months: Mapped[int] = mapped_column(default=0)
    whole: Mapped[bool] = mapped_column(default=False)


class SearchTextRow(Base):
    """A text that is indexed, once however many runs hold it, known by the digest of its words."""

    __tablename__ = "search_text"
    __table_args__ = TRANSIENT

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)


class SearchPlaceRow(Base):
    """Where a text is: in which run, as what (search_texts.KINDS), and the number of its event or call there."""

    __tablename__ = "search_place"
    __table_args__ = TRANSIENT | {"sqlite_with_rowid": False}

    text_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    run_no: Mapped[int] = mapped_column(
        Integer, ForeignKey("search_run.no", ondelete="CASCADE"), primary_key=True, index=True
    )
    kind: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    ref: Mapped[int] = mapped_column(primary_key=True)
