"""Whether the messages of a cadence say what its packs ask for, and whether its creditor fills all that they name.

Every template is rendered before the launch for a debtor who does not exist, as the lender's own message and, where
the sender is an agency, as the agency's; what comes out is held to the content rules of the packs.
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime

from campaigns.cadence import Cadence
from campaigns.message_facts import Links, Sender, message_variables
from campaigns.preview import sample_subject, spoken_of
from campaigns.render import Recipient, content
from campaigns.source import Problem, Spot
from campaigns.template_files import TemplateFile
from campaigns.templates import TemplateLibrary
from domain.channel import CONTACT_CHANNEL
from domain.facts import ContactChannel
from domain.message import Content, Email, Voice
from throttling.compose import Ruleset, compile_rules
from throttling.content import check
from throttling.packs import Library
from throttling.selectors import Shape, match_proposal
from throttling.terms import Proposals

_LINKS = Links("https://pay.example.com/", "https://help.example.com/", "https://stop.example.com/")


def check_contents(
    cadence: Cadence, packs: Library, templates: TemplateLibrary, sender: Callable[[str], Sender], now: datetime
) -> list[Problem]:
    """What is missing or must go in the cadence's templates, which have passed lint, each in its template.

    `sender` says who writes in a language; it raises BadInput where the creditor's profile lacks it.
    """
    rules = {party: _rules(cadence, packs, party, now) for party in (True, False)}
    used = {(step.template, channel) for step in cadence.steps for channel in step.channels}
    languages = cadence.audience.languages
    found: set[Problem] = set()
    for (id_, channel, language), file in templates.files.items():
        if (id_, channel) in used and (not languages or language in languages):
            who = sender(language)
            found.update(_check(file, cadence, rules[not who.is_third_party], templates, who, now))
    return sorted(found)


def _rules(cadence: Cadence, packs: Library, is_first_party: bool, now: datetime) -> Ruleset:
    """The rules of all packs in force that bind a lender itself, or an agency: wherever a debtor may be."""
    shape = Shape(ContactChannel.LETTER, first_party=is_first_party)
    in_force = packs.at(cadence.packs or None, now)
    bound = [pack.id for pack in in_force if match_proposal(Proposals(parties=pack.covers.parties), shape) is not False]
    return compile_rules(packs, bound)


def _check(
    file: TemplateFile, cadence: Cadence, rules: Ruleset, templates: TemplateLibrary, sender: Sender, now: datetime
) -> Iterator[Problem]:
    template = templates.find(file.id, file.channel, file.language)
    subject = sample_subject(cadence, file.language, now.date())
    variables = message_variables(
        sender,
        subject.addressee,
        subject.accounts,
        _LINKS,
        subject.today,
        verification=cadence.verification or ("birth_date",),
        is_first_contact=True,
    )
    missing = sorted(template.names - variables.keys())
    for name in missing:
        remedy = f"Add `{name}` to the profile of the creditor, or do without it here."
        yield Problem(_where(file, name), f"the creditor's profile gives no `{name}` for {file.language}", remedy)
    if missing:
        return
    text = text_of(content(template, variables, Recipient()))
    shape = Shape(
        CONTACT_CHANNEL[file.channel],
        automated=True,
        has_opt_out_notice="opt_out" in file.carries,
        discloses_debt="debt" in file.carries,
        first_party=not sender.is_third_party,
    )
    for breach in check(rules, shape, file.language, text, sender.texts, int(now.timestamp())):
        yield file.at_top(
            f"{breach.pack}/{breach.rule} ({breach.cite}) is not met: {breach.what}", "Say it in the template."
        )


def text_of(made: Content) -> str:
    """All that a person reads or hears of a message."""
    if isinstance(made, Voice):
        return "\n".join(said for _, said in spoken_of(made))
    return f"{made.subject}\n{made.text}" if isinstance(made, Email) else made.text


def _where(file: TemplateFile, name: str) -> Spot:
    for source in file.sections.values():
        found = re.search(rf"\{{[{{%][^}}]*\b{name}\b", source.text)
        if found:
            return source.spot(found.start())
    return Spot(file.file, 1, 1)
