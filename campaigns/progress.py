"""What the end of an attempt does to its enrolment: the next step, the next channel, or the same once more."""

from datetime import datetime

from campaigns.actions import Finished, Moved
from campaigns.cadence import Step
from campaigns.view import EnrolmentView
from domain.attempt import AttemptState

_S = AttemptState
_MADE = frozenset({_S.ACCEPTED, _S.DELIVERED, _S.CLOSED})
_MISSED = frozenset({_S.UNDELIVERED, _S.REJECTED})
_NOT_TRIED = frozenset({_S.EXPIRED, _S.CANCELLED})


def advance(
    enrolment: EnrolmentView, result: AttemptState, at: datetime, *, step: str | None = None, rank: int | None = None
) -> Moved | Finished | None:
    """What the new state `result` of an attempt does to its enrolment; None: nothing.

    `step` and `rank` are those of the attempt; left out, the attempt is the one that the enrolment waits for.
    Made (accepted, delivered, closed by a person): the next step, counted from `at`. Undelivered or rejected: the next
    channel of the step, or with none left the next step, counted from the contact before. Expired or cancelled: the
    same again. A contact that was accepted and then not delivered falls back too, unless the next step has begun.
    What comes late or out of order changes nothing: the enrolment has moved on. Call it once a legal transition.
    """
    if enrolment.step is None:
        return None
    of_attempt = enrolment.cadence.by_id[step if step is not None else enrolment.step]
    tried = enrolment.rank if rank is None else rank
    # The attempt may be on a later channel than the enrolment: those before it were refused when it was made.
    if of_attempt.id != enrolment.step or tried < enrolment.rank:
        return _fallen_back(enrolment, of_attempt, tried) if result is _S.UNDELIVERED else None
    if result in _MADE:
        return _onward(enrolment, of_attempt, at)
    if result in _MISSED:
        if tried + 1 < len(of_attempt.channels):
            return Moved(enrolment.enrolment_id, of_attempt.stage, of_attempt.id, tried + 1)
        return _onward(enrolment, of_attempt, None)
    if result in _NOT_TRIED:
        return Moved(enrolment.enrolment_id, of_attempt.stage, of_attempt.id, tried)
    return None


def _onward(enrolment: EnrolmentView, step: Step, contacted_at: datetime | None) -> Moved | Finished:
    if step.then is None:
        return Finished(enrolment.enrolment_id, contacted_at)
    following = enrolment.cadence.by_id[step.then]
    return Moved(enrolment.enrolment_id, following.stage, following.id, 0, contacted_at)


def _fallen_back(enrolment: EnrolmentView, step: Step, tried: int) -> Moved | None:
    """Back to the step's next channel, where the enrolment stands at the beginning of what follows the step."""
    has_begun = enrolment.step != step.then or enrolment.rank > 0 or enrolment.attempt_id is not None
    if has_begun or tried + 1 >= len(step.channels):
        return None
    return Moved(enrolment.enrolment_id, step.stage, step.id, tried + 1)
