"""Whether the key ring is the one by which the database's personal data was sealed."""

from pathlib import Path

from domain.errors import BadSettings
from storage.crypto import KeyRing
from storage.session import Database
from storage.vault import wrapped_by_all


def fitting_ring(database: Database, path: Path) -> KeyRing:
    """The ring at `path`, made where nothing was sealed yet. Raises BadSettings where it is not the database's."""
    used = wrapped_by_all(database)
    ring = KeyRing.open(path, create=not used)
    if missing := sorted(used.keys() - set(ring.ids)):
        raise BadSettings(
            f"the key ring lacks {', '.join(missing)}, by which personal data in the database was sealed.",
            where=str(path),
            remedy="Put this database's key ring in its place (FORBEAR_KEYS_FILE), or restore it from a backup.",
        )
    return ring
