"""What a database says, as errors of ours; a rule's own error passes through.

What is no fault of the database or of timing (a value that is too long, a missing one) is ours, and
passes through as well: it has to be seen.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util import CommandError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from fivegms_af.errors import ChangedMeanwhile, StorageUnavailable

# Another transaction was faster: serialization failure, deadlock, unique and foreign key violation.
_INTERFERENCE = frozenset(
    {
        "40001",
        "40P01",
        "23505",
        "23503",
        "SQLITE_CONSTRAINT_PRIMARYKEY",
        "SQLITE_CONSTRAINT_UNIQUE",
        "SQLITE_CONSTRAINT_FOREIGNKEY",
    }
)


@contextmanager
def named() -> Iterator[None]:
    """Raises ChangedMeanwhile or StorageUnavailable for what drivers and the disk raise."""
    try:
        yield
    except DBAPIError as error:
        if _code(error) in _INTERFERENCE:
            raise ChangedMeanwhile from error
        if isinstance(error, IntegrityError | DataError):
            raise
        raise StorageUnavailable(f"the database says: {error.orig}") from error
    except CommandError as error:
        raise StorageUnavailable(f"the database is of another release: {error}") from error
    except (OSError, PoolExhausted) as error:
        raise StorageUnavailable(f"the database does not answer: {error}") from error


def _code(error: DBAPIError) -> str | None:
    """PostgreSQL's SQLSTATE, or SQLite's own name."""
    code = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", None)
    return None if code is None else str(code)
