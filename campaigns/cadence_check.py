"""What must be right before a launch and the file cannot say alone: its packs, its templates, its hours."""

from collections.abc import Iterable
from datetime import datetime

from campaigns.cadence_file import CadenceFile
from campaigns.formats import LOCALES
from campaigns.located import BadFile, Mark, Problem, Report, did_you_mean
from campaigns.permits import Never, permits
from campaigns.rules import rules_of
from campaigns.source import Problem as TemplateProblem
from campaigns.templates import TemplateLibrary
from domain.channel import Channel
from throttling.packs import Library


class BadCampaign(BadFile):
    """A cadence cannot be launched: its own problems, then those of the templates that it uses."""

    def __init__(self, file: str, problems: Iterable[Problem], of_templates: Iterable[TemplateProblem]) -> None:
        self.of_templates = tuple(of_templates)
        own = list(problems)
        super().__init__(file, own or [Problem(Mark(1, 1), "its templates have mistakes", "They are listed below.")])

    def describe(self) -> str:
        """One line for each problem."""
        return "\n".join([BadFile.describe(self), *map(str, self.of_templates)])


def check_cadence(file: CadenceFile, packs: Library, templates: TemplateLibrary, now: datetime) -> tuple[Never, ...]:
    """Hold a cadence to the packs and templates with which it would run from `now` on.

    Returns where single packs never let a step be made: worth knowing, no mistake. Raises BadCampaign with every pack
    and template that is missing, every mistake in the templates, and every step that no pack ever permits.
    """
    report = Report(file.file)
    _check_packs(file, packs, report)
    _check_templates(file, templates, report)
    never = () if report.problems else _check_hours(file, packs, now, report)
    used = {step.template for step in file.cadence.steps} & set(templates.ids())
    wrong = templates.lint(*used) if used else []
    if report.problems or wrong:
        raise BadCampaign(file.file, report.problems, wrong)
    return never


def _check_packs(file: CadenceFile, packs: Library, report: Report) -> None:
    for pack in file.cadence.packs:
        if pack not in packs.ids:
            report.add(file.marks[f"packs.{pack}"], f"there is no pack `{pack}`", did_you_mean(pack, sorted(packs.ids)))


def _check_templates(file: CadenceFile, templates: TemplateLibrary, report: Report) -> None:
    """Each step's template in each of its channels and each language of the audience."""
    languages = sorted(file.cadence.audience.languages)
    _check_languages(file, languages, report)
    known = templates.ids()
    for step in file.cadence.steps:
        mark = file.marks[f"steps.{step.id}.template"]
        if step.template not in known:
            report.add(mark, f"there is no template `{step.template}`", did_you_mean(step.template, known))
            continue
        for channel in step.channels:
            lacking = _lacking(templates, step.template, channel, languages)
            if lacking:
                what = f"template `{step.template}` has no {channel.value} in {', '.join(lacking)}"
                report.add(mark, what, "Write it, or drop the channel from the step or the language from the audience.")


def _check_languages(file: CadenceFile, languages: list[str], report: Report) -> None:
    for language in languages:
        if language not in LOCALES:
            mark = file.marks["audience.languages"]
            report.add(mark, f"no template is written in `{language}`", did_you_mean(language, LOCALES))


def _lacking(templates: TemplateLibrary, id_: str, channel: Channel, languages: list[str]) -> list[str]:
    """The languages of the audience in which the template does not exist; one of any at all will do for all readers."""
    if languages:
        return [language for language in languages if language in LOCALES and not templates.has(id_, channel, language)]
    return [] if templates.languages(id_, channel) else ["any language"]


def _check_hours(file: CadenceFile, packs: Library, now: datetime, report: Report) -> tuple[Never, ...]:
    found = permits(file.cadence, packs, rules_of(packs), now)
    for step, places in found.places.items():
        if places:
            continue
        barred = [one for one in found.never if one.step == step]
        rules = {f"{rule.pack}/{rule.rule} ({rule.cite})" for one in barred for rule in one.rules}
        where = ", ".join(one.place for one in barred) or "any place: no pack has one"
        report.add(
            file.marks.get(f"steps.{step}.window") or file.marks.get("window") or file.marks[f"steps.{step}"],
            f"step `{step}` can never be made in {where}: {'; '.join(sorted(rules)) or 'its hours never come'}",
            "Choose hours and channels that the rules allow.",
        )
    return tuple(one for one in found.never if found.places[one.step])
