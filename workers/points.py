"""Named points between two effects, at which the fault suite has a process die. Without its variable they do nothing.

`FORBEAR_TEST_DIE_AT=sending:3` kills the process, as by `kill -9`, when it comes to the point `sending` the third time.
"""

import itertools
import os
import signal

POINTS = (
    "claimed",
    "reserved",
    "queueing",
    "gated",
    "sending",
    "calling",
    "answered",
    "recording",
    "recorded",
    "receiving",
    "received",
    "applying",
)
"""In the order of a contact's path; what each means stands where it is reached."""

_POINT, _, _TIME = os.environ.get("FORBEAR_TEST_DIE_AT", "").partition(":")
_passes = itertools.count(1)


def reach(point: str) -> None:
    """Come to a point: return, or die there."""
    if point == _POINT and next(_passes) == int(_TIME or 1):
        os.kill(os.getpid(), signal.SIGKILL)
