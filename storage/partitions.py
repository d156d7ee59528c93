"""The ledger's partitions, one a month (UTC). Entries of a month without one are kept in the default partition.

`forbear release` makes those of the year ahead, the scheduler goes on, and whoever sets another clock makes its months
before anything is written. A month that lies in the default partition already stays there: moving it would rewrite it.
"""

import datetime as dt
from collections.abc import Iterator

from sqlalchemy import Connection


def ensure_partitions(connection: Connection, first: dt.date, last: dt.date) -> int:
    """Make the partitions of the months from `first` to `last`, both included, where missing; how many were made.

    For the owner and for the processes; in a transaction of its own, for others wait until it ends.
    """
    return sum(
        bool(connection.exec_driver_sql("SELECT forbear_ensure_ledger_month(%(day)s)", {"day": day}).scalar_one())
        for day in _months(first, last)
    )


def _months(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    day = first.replace(day=1)
    while day <= last:
        yield day
        day = (day + dt.timedelta(days=31)).replace(day=1)
