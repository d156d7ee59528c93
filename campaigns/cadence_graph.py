"""The graph of a cadence's steps: that it leads forward, that each step can be come to, and how far apart steps are."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from campaigns.cadence import Anchor, Step
from campaigns.located import Mark, Report


def check_graph(
    steps: Sequence[Step], stages: Sequence[str], leaves_above: int | None, marks: Mapping[str, Mark], report: Report
) -> None:
    """Note cycles, steps that nothing leads to, ways back to an earlier stage, and days that can never come.

    Does nothing where the file has problems already: its links would be guesses.
    """
    if report.problems or not steps:
        return
    by_id = {step.id: step for step in steps}
    cycle = _cycle(steps[0], by_id)
    if cycle:
        report.add(
            _mark(cycle[-2], "then", marks),
            f"the steps go round in a circle: {' → '.join(cycle)}",
            "Every step leads to a later one, or to `end`.",
        )
        return
    reached = _reached(steps[0], by_id)
    for step in steps:
        if step.id not in reached:
            report.add(
                marks[f"steps.{step.id}"],
                f"no step leads to `{step.id}`",
                "Name it in `then` or `otherwise`, or drop it.",
            )
        elif step.anchor is Anchor.DAY_IN_ARREARS and leaves_above is not None and step.days > leaves_above:
            report.add(
                _mark(step.id, "when", marks),
                f"day {step.days} never comes: accounts leave above {leaves_above} days past due",
                "Choose an earlier day, or raise `days_past_due_above` in exits.",
            )
        for following in _following(step, by_id):
            _check_pair(step, following, stages, marks, report)


def spacings(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps with their `spacing`: the last contact made and the next stay as far apart as the file puts them."""
    by_id = {step.id: step for step in steps}
    apart: dict[str, list[int]] = {}
    for step in steps:
        for following in _following(step, by_id):
            both = step.anchor is following.anchor is Anchor.DAY_IN_ARREARS
            apart.setdefault(following.id, []).append(following.days - step.days if both else 1)
    return tuple(replace(step, spacing=max(1, min(apart.get(step.id, [1])))) for step in steps)


def _check_pair(step: Step, following: Step, stages: Sequence[str], marks: Mapping[str, Mark], report: Report) -> None:
    if stages.index(following.stage) < stages.index(step.stage):
        report.add(
            marks[f"steps.{following.id}"],
            f"`{following.id}` goes back from stage {step.stage} to {following.stage}",
            "Stages only advance: reorder `stages` or the steps.",
        )
    if step.anchor is following.anchor is Anchor.DAY_IN_ARREARS and following.days <= step.days:
        report.add(
            _mark(following.id, "when", marks),
            f"`{following.id}` is due on day {following.days}, but follows `{step.id}` of day {step.days}",
            "Put later days later.",
        )


def _following(step: Step, by_id: Mapping[str, Step]) -> list[Step]:
    return [by_id[name] for name in dict.fromkeys((step.then, step.otherwise)) if name is not None]


def _cycle(first: Step, by_id: Mapping[str, Step]) -> list[str]:
    """The ids of one circle, its first step again at the end; empty where there is none. Every step is looked at."""
    done: set[str] = set()
    for start in (first, *by_id.values()):
        path: list[tuple[Step, list[Step]]] = [(start, _following(start, by_id))]
        while path and start.id not in done:
            step, left = path[-1]
            if not left:
                done.add(step.id)
                path.pop()
                continue
            following = left.pop()
            ids = [on_path.id for on_path, _ in path]
            if following.id in ids:
                return [*ids[ids.index(following.id) :], following.id]
            if following.id not in done:
                path.append((following, _following(following, by_id)))
    return []


def _reached(first: Step, by_id: Mapping[str, Step]) -> set[str]:
    reached: set[str] = set()
    left = [first]
    while left:
        step = left.pop()
        if step.id not in reached:
            reached.add(step.id)
            left += _following(step, by_id)
    return reached


def _mark(step: str, key: str, marks: Mapping[str, Mark]) -> Mark:
    return marks.get(f"steps.{step}.{key}", marks[f"steps.{step}"])
