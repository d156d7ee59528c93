"""The words on the screens: a label for each state, outcome, intent and reason; how instants and sums are shown."""

import datetime as dt
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from domain.money import Money, minor_digits

CHANNELS: Mapping[str, str] = {"sms": "SMS", "voice": "Voice", "email": "Email", "letter": "Letter"}

STATES: Mapping[str, str] = {
    "reserved": "Reserved",
    "sending": "Sending",
    "in_doubt": "In doubt",
    "accepted": "Accepted",
    "delivered": "Delivered",
    "undelivered": "Undelivered",
    "rejected": "Rejected",
    "cancelled": "Cancelled",
    "expired": "Expired",
    "closed": "Closed",
}

STATE_MEANINGS: Mapping[str, str] = {
    "reserved": "Room under the caps is held; nothing has left.",
    "sending": "Committed, and being handed to the provider.",
    "in_doubt": "The provider may or may not have it. It counts against the caps and is never resent blindly.",
    "accepted": "The provider took it.",
    "delivered": "The provider says it reached the debtor.",
    "undelivered": "The provider took it and could not deliver it.",
    "rejected": "The provider did not take it.",
    "cancelled": "A stop, a payment or a person took it back before it left.",
    "expired": "Its permitted window closed before it left.",
    "closed": "A person settled what stayed in doubt.",
}

OUTCOMES: Mapping[str, str] = {
    "conversation": "answered by a person",
    "voicemail": "full message left on voicemail",
    "limited_voicemail": "limited message left on voicemail",
    "no_answer": "no answer",
    "busy": "busy",
    "not_in_service": "number not in service",
    "dropped": "call dropped",
    "wrong_person": "reached the wrong person",
    "delivered": "delivered",
    "sent": "handed over, arrival not confirmed",
    "failed": "failed",
    "visit": "visited",
    "pending": "under way",
}

FAILURES: Mapping[str, str] = {
    "opted_out": "opted out at the carrier",
    "invalid_point": "number or address does not exist",
    "not_for_channel": "number cannot take this channel",
    "blocked": "blocked by the carrier",
    "unreachable": "handset unreachable",
    "filtered": "filtered as unwanted",
    "bad_request": "our request was wrong",
    "busy": "provider too busy",
    "authentication": "our credentials were refused",
    "sender_limited": "sender limited or not registered",
    "provider_down": "provider down",
    "expired": "validity ended before delivery",
    "unknown": "unknown reason",
}

INTENTS: Mapping[str, str] = {
    "stop": "asked to stop",
    "start": "asked to hear from us again",
    "help": "asked for help",
    "dispute": "disputes the debt",
    "wrong_person": "says we have the wrong person",
    "promise_to_pay": "promised to pay",
    "paid_already": "says it is paid already",
    "hardship": "cannot pay at present",
    "call_me": "asked for a call",
    "other": "wrote to us",
}

STOPS: Mapping[str, str] = {
    "opt_out": "Opted out",
    "cease": "Asked us to cease all contact",
    "dispute": "Dispute open",
    "attorney": "Represented by a lawyer",
    "bankruptcy": "Bankruptcy",
    "deceased": "Deceased",
    "minor": "A minor",
    "vulnerable": "Vulnerable",
    "complaint": "Complaint open",
    "hospitalised": "In hospital",
    "bereavement": "Bereaved",
    "employer_prohibits": "Employer prohibits contact at work",
    "work_stop": "Asked not to be contacted at work",
}

PRODUCTS: Mapping[str, str] = {
    "credit_card": "credit card",
    "consumer_instalment": "consumer instalment loan",
    "home_loan": "home loan",
    "car_loan": "car loan",
    "student_loan": "student loan",
    "small_business_loan": "small-business loan",
    "company_loan": "company loan",
}

POINTS: Mapping[str, str] = {
    "mobile": "Mobile",
    "landline": "Landline",
    "work": "Work phone",
    "email": "Email",
    "work_email": "Work email",
    "address": "Address",
    "social": "Social account",
    "im": "Messenger",
}


def label(words: Mapping[str, str], key: str | None) -> str:
    """The words for a key; a key without words is shown as it is, so that nothing new is ever hidden."""
    if not key:
        return ""
    return words.get(key) or key.replace("_", " ").replace("-", " ")


def number(n: int) -> str:
    """Thousands set apart by a thin space, which screen readers pass over: 12 480."""
    return f"{n:,}".replace(",", "\u202f")


def percent(part: int, whole: int) -> str:
    """A share with one decimal; a dash where there is no whole."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


def money(minor: int, currency: str) -> str:
    """An amount in major units with its currency: CNY 9 648.15."""
    digits = minor_digits(currency)
    return f"{currency} {Money(minor, currency).decimal:,.{digits}f}".replace(",", "\u202f")


def cost(millionths: int, currency: str) -> str:
    """A cost kept in millionths, in major units with two decimals, and four where it is below one."""
    major = millionths / 1_000_000
    decimals = 4 if 0 < major < 1 else 2
    return f"{currency} {major:,.{decimals}f}".replace(",", "\u202f")


def local(at: dt.datetime, zone: str) -> dt.datetime:
    """The instant with the offset of `zone`."""
    return at.astimezone(ZoneInfo(zone))


def day_and_time(at: dt.datetime, zone: str) -> str:
    """Tue 24 Nov 2026, 09:00 on the clocks of `zone`."""
    return f"{local(at, zone):%a %-d %b %Y, %H:%M}"


def short_time(at: dt.datetime, zone: str, now: dt.datetime) -> str:
    """09:00 on the day of `now`, else 24 Nov 09:00; in another year with the year."""
    here, today = local(at, zone), local(now, zone)
    if here.date() == today.date():
        return f"{here:%H:%M}"
    return f"{here:%-d %b %H:%M}" if here.year == today.year else f"{here:%-d %b %Y %H:%M}"


def day(at: dt.datetime, zone: str) -> str:
    """24 Nov."""
    return f"{local(at, zone):%-d %b}"


def utc(at: dt.datetime) -> str:
    """2026-11-24 01:00 UTC."""
    return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def span(length: dt.timedelta) -> str:
    """A length of time in its two largest units: 12 s, 4 min, 2 h 5 min, 3 d 4 h."""
    seconds = max(0, int(length.total_seconds()))
    days, hours, minutes = seconds // 86_400, seconds % 86_400 // 3600, seconds % 3600 // 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"


def zone_of(*candidates: str | None) -> str:
    """The first of the names that is a time zone; UTC where none is."""
    for name in candidates:
        if name:
            try:
                ZoneInfo(name)
            except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError with a path inside
                continue
            except KeyError:
                continue
            return name
    return "UTC"
