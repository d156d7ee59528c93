"""Holds a cadence file to the packs and templates that ship, as validate, preview and launch do."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from campaigns.cadence_check import BadCampaign, check_cadence
from campaigns.cadence_file import CadenceFile
from campaigns.content_check import check_contents
from campaigns.message_facts import Sender, sender_of
from campaigns.permits import Never
from campaigns.templates import TemplateLibrary, load_templates
from forbear.creditor_profile import read_profile
from throttling.packs import load_packs

SAMPLE = Path(__file__).parent.parent / "config" / "creditors" / "harbour-bank.yaml"
"""The lender that stands in where no creditor is named."""


def check(
    file: CadenceFile,
    now: datetime,
    templates: TemplateLibrary | None = None,
    profile: Mapping[str, Any] | None = None,
) -> tuple[Never, ...]:
    """Where single packs never let a step be made.

    `profile` is that of the creditor who would launch it; without one the sample lender stands in. Raises
    BadCampaign with every mistake in the file and its templates, and with everything that they name and the profile
    lacks; BadInput where the profile does not say who writes.
    """
    templates = templates or load_templates()
    packs = load_packs()
    never = check_cadence(file, packs, templates, now)
    own = read_profile(SAMPLE) if profile is None else profile
    wrong = check_contents(file.cadence, packs, templates, senders(own), now)
    if wrong:
        raise BadCampaign(file.file, [], wrong)
    return never


def senders(profile: Mapping[str, Any]) -> Callable[[str], Sender]:
    """Who writes, by language, from a creditor's profile."""
    return lru_cache(lambda language: sender_of(profile.get("sender") or {}, language))
