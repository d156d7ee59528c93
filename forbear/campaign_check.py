"""Holds a cadence file to the packs and templates that ship, as validate, preview and launch do."""

from datetime import datetime

from campaigns.cadence_check import check_cadence
from campaigns.cadence_file import CadenceFile
from campaigns.permits import Never
from campaigns.templates import TemplateLibrary, load_templates
from throttling.packs import load_packs


def check(file: CadenceFile, now: datetime, templates: TemplateLibrary | None = None) -> tuple[Never, ...]:
    """Where single packs never let a step be made. Raises BadCampaign with every mistake."""
    return check_cadence(file, load_packs(), templates or load_templates(), now)
