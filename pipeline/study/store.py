"""Participants and answers in SQLite or PostgreSQL.

An answer is a row whose key is the participant and the position in the participant's order, and it
is committed to disk before anybody hears that it was taken. So an answer sent twice, from two tabs
or after a lost connection is one answer, the first; and none that was acknowledged can be lost.
"""

import secrets
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import pandas as pd
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    ScalarSelect,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from pipeline.errors import UserError
from pipeline.study.definition import Item, Study
from pipeline.study.order import Presentation, playlist
from pipeline.study.password import hash_password, new_password

DATABASE_FILE = "answers.db"

_TOKEN_BYTES = 16  # 128 bits, 22 characters of a link

_METADATA = MetaData()
_STUDIES = Table(
    "studies",
    _METADATA,
    Column("key", String(32), primary_key=True),
    Column("name", String, nullable=False),
    Column("password", String, nullable=False),
)
_PARTICIPANTS = Table(
    "participants",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("study", ForeignKey("studies.key"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("token", String(32), nullable=False, unique=True),
    UniqueConstraint("study", "number"),
)
# The order is stored, not computed again: a newer version of this program must not change it.
_PRESENTATIONS = Table(
    "presentations",
    _METADATA,
    Column("participant", ForeignKey("participants.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("role", String(8), nullable=False),
    Column("first", Integer, nullable=False),
    Column("second", Integer),
)
_ANSWERS = Table(
    "answers",
    _METADATA,
    Column("participant", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("value", Integer, nullable=False),
    Column("milliseconds", Integer),
    Column("pixel_ratio", Float),
    Column("viewport", String(16)),
    Column("received", String(24), nullable=False),
    ForeignKeyConstraint(
        ["participant", "position"], ["presentations.participant", "presentations.position"]
    ),
)


class Answer(NamedTuple):
    """An answer and the circumstances in which it was given.

    Attributes:
        value: Grade from 1 to 5; of pairs 1 for the left, 2 for the right.
        milliseconds: From when the pictures were on the screen.
        pixel_ratio: Device pixels a CSS pixel.
        viewport: Size of the page, CSS pixels, such as `390x844`.
    """

    value: int
    milliseconds: int | None = None
    pixel_ratio: float | None = None
    viewport: str | None = None


class Participant(NamedTuple):
    """A participant and how far they are."""

    id: int
    number: int
    token: str
    answered: int
    total: int
    last: str | None


def database_url(database: str | None, folder: Path) -> URL:
    """Address of a database: as given, or a file in the study's folder.

    Raises:
        UserError: If it is no address of SQLite or PostgreSQL.
    """
    if database is None:
        return URL.create("sqlite", database=str(folder / DATABASE_FILE))
    try:
        url = make_url(database)
    except ArgumentError:
        raise UserError(
            "database: give an address such as postgresql://user:password@host/name"
        ) from None
    if url.drivername in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg2")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise UserError(f"database: {url.drivername} is neither sqlite nor postgresql")
    return url


def connect(url: URL) -> Engine:
    """Open a database and make the tables that it lacks.

    Raises:
        UserError: If it cannot be reached.
    """
    try:
        engine = create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20)
    except ModuleNotFoundError as error:
        raise UserError(
            f"database: {error.name} is missing; install the extra: pip install 'sr-lab[postgres]'"
        ) from None
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
    try:
        _METADATA.create_all(engine)
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
        raise UserError(f"{url.render_as_string()}: no database answers there ({reason})") from None
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, record: object) -> None:
    for pragma in (
        "journal_mode = WAL",  # readers do not stop the writer
        "synchronous = FULL",  # a commit is on the disk, also when the power fails
        "foreign_keys = ON",
        "busy_timeout = 30000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def open_answers(study: Study, database: str | None, folder: Path) -> "Answers":
    """The answers of a study, in the database given or in a file in its folder.

    Raises:
        UserError: If the database cannot be used.
    """
    return Answers(connect(database_url(database, folder)), study)


class Answers:
    """The participants and answers of one study."""

    def __init__(self, engine: Engine, study: Study) -> None:
        self._engine = engine
        self._study = study
        self._adding = Lock()

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def password_hash(self) -> str | None:
        """The stored hash of the administrator's password; None before `set_password`."""
        query = select(_STUDIES.c.password).where(_STUDIES.c.key == self._study.key)
        with self._engine.connect() as connection:
            return connection.execute(query).scalar()

    def set_password(self, hashed: str) -> None:
        """Store the password's hash, and the study with it if it is new here."""
        key = self._study.key
        with self._engine.begin() as connection:
            change = update(_STUDIES).where(_STUDIES.c.key == key).values(password=hashed)
            if connection.execute(change).rowcount == 0:
                row = {"key": key, "name": self._study.name, "password": hashed}
                connection.execute(insert(_STUDIES).values(row))

    def ensure_password(self, *, new: bool = False) -> str | None:
        """Make a password if there is none, or a new one.

        Returns:
            The password, which only its hash is kept of; None if there was one.
        """
        if not new and self.password_hash() is not None:
            return None
        password = new_password()
        self.set_password(hash_password(password))
        return password

    def ensure_participants(self, count: int) -> None:
        """Add participants until there are so many."""
        self.add_participants(max(0, count - len(self.participants())))

    def add_participants(self, count: int) -> None:
        """Add participants, each with a token and an order of their own."""
        mine = _PARTICIPANTS.c.study == self._study.key
        with self._adding, self._engine.begin() as connection:
            last = connection.execute(select(func.max(_PARTICIPANTS.c.number)).where(mine)).scalar()
            for number in range((last or 0) + 1, (last or 0) + 1 + count):
                self._add(connection, number)

    def _add(self, connection: Connection, number: int) -> None:
        row = {"study": self._study.key, "number": number}
        row |= {"token": secrets.token_urlsafe(_TOKEN_BYTES)}
        done = connection.execute(insert(_PARTICIPANTS).values(row))
        assert done.inserted_primary_key is not None
        identity = done.inserted_primary_key[0]
        rows = [
            {"participant": identity, "position": position, "role": shown.role}
            | shown.item._asdict()
            for position, shown in enumerate(playlist(self._study, number))
        ]
        connection.execute(insert(_PRESENTATIONS), rows)

    def participants(self) -> list[Participant]:
        """Everybody, by number, with their progress."""
        return self._participants(_PARTICIPANTS.c.study == self._study.key)

    def participant(self, token: str) -> Participant | None:
        """Who has this link; None for nobody of this study."""
        mine = _PARTICIPANTS.c.study == self._study.key
        return next(iter(self._participants(mine & (_PARTICIPANTS.c.token == token))), None)

    def _participants(self, condition: ColumnElement[bool]) -> list[Participant]:
        columns = (_PARTICIPANTS.c.id, _PARTICIPANTS.c.number, _PARTICIPANTS.c.token)
        query = select(
            *columns,
            _of_participant(func.count(), _ANSWERS).label("answered"),
            _of_participant(func.count(), _PRESENTATIONS).label("total"),
            _of_participant(func.max(_ANSWERS.c.received), _ANSWERS).label("last"),
        )
        ordered = query.where(condition).order_by(_PARTICIPANTS.c.number)
        with self._engine.connect() as connection:
            return [Participant(*row) for row in connection.execute(ordered)]

    def presentations(self, participant: int, start: int, count: int) -> list[Presentation]:
        """Screens of a participant from a position on."""
        c = _PRESENTATIONS.c
        query = (
            select(c.role, c.first, c.second)
            .where(c.participant == participant, c.position >= start, c.position < start + count)
            .order_by(c.position)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [Presentation(row.role, Item(row.first, row.second)) for row in rows]

    def take(self, participant: int, position: int, answer: Answer) -> bool:
        """Store an answer, on disk when this returns.

        Returns:
            Whether it was stored: not if the position has an answer already, or an earlier one
            has none.
        """
        row = {"participant": participant, "position": position, "received": _now()}
        row |= answer._asdict()
        answered = select(func.count()).where(_ANSWERS.c.participant == participant)
        try:
            with self._engine.begin() as connection:
                if connection.execute(answered).scalar() != position:
                    return False
                connection.execute(insert(_ANSWERS).values(row))
        except IntegrityError:  # another tab was faster, or there is no such position
            return False
        return True

    def frame(self) -> pd.DataFrame:
        """Every answer: `participant` (number), `position`, `role`, `first`, `second`, `value`...

        Rows are in the order of participants and positions; `finished` says whether the
        participant answered everything.
        """
        join = _ANSWERS.join(
            _PRESENTATIONS,
            (_ANSWERS.c.participant == _PRESENTATIONS.c.participant)
            & (_ANSWERS.c.position == _PRESENTATIONS.c.position),
        ).join(_PARTICIPANTS, _PARTICIPANTS.c.id == _ANSWERS.c.participant)
        columns: list[ColumnElement[Any]] = [
            _PARTICIPANTS.c.number.label("participant"),
            *(_PRESENTATIONS.c[name] for name in ("position", "role", "first", "second")),
            *(_ANSWERS.c[name] for name in ("value", "milliseconds", "pixel_ratio", "viewport")),
            _ANSWERS.c.received,
        ]
        query = (
            select(*columns)
            .select_from(join)
            .where(_PARTICIPANTS.c.study == self._study.key)
            .order_by(_PARTICIPANTS.c.number, _PRESENTATIONS.c.position)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query)
            frame = pd.DataFrame(rows.all(), columns=list(rows.keys()))
        done = {p.number for p in self.participants() if p.answered == p.total}
        return frame.assign(finished=frame["participant"].isin(done))


def _of_participant(value: ColumnElement[Any], table: Table) -> ScalarSelect[Any]:
    counted = select(value).select_from(table).where(table.c.participant == _PARTICIPANTS.c.id)
    return counted.correlate(_PARTICIPANTS).scalar_subquery()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
