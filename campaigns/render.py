"""From a template and what fills it to the content that an adapter sends. Errors never quote what was filled in."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from campaigns.mail import squeezed
from campaigns.templates import Template
from domain.channel import Channel
from domain.message import Content, Email, Letter, Sms, Voice


class Recipient(NamedTuple):
    """To whom one attempt goes: `to` a number in E.164 or a mailbox; `address` the lines of a postal address.

    `unsubscribe_url` answers one-click requests (RFC 8058). `verify_digests` are as in `domain.message.Voice`.
    """

    to: str = ""
    address: tuple[str, ...] = ()
    unsubscribe_url: str = ""
    reply_to: str | None = None
    verify_salt: str = ""
    verify_digests: tuple[str, ...] = ()


Rendered = Mapping[str, str]
"""The final texts of a message, by part as in `Template.parts`."""


def render(template: Template, variables: Mapping[str, Any]) -> Rendered:
    """Every part of a message with `variables` filled in.

    Raises BadInput where a variable is missing or the message becomes longer than its channel bears.
    """
    if template.channel in (Channel.SMS, Channel.VOICE):
        return {name: " ".join(part.render(variables).split()) for name, part in template.parts.items()}
    if template.channel is Channel.LETTER:
        return {name: squeezed(part.render(variables)) for name, part in template.parts.items()}
    return {name: _mail_part(name, part.render(variables)) for name, part in template.parts.items()}


def content(template: Template, variables: Mapping[str, Any], recipient: Recipient) -> Content:
    """What an adapter is given: the rendered message, addressed."""
    return addressed(template, render(template, variables), recipient)


def addressed(template: Template, rendered: Rendered, recipient: Recipient) -> Content:
    """A rendered message with its recipient."""
    match template.channel:
        case Channel.SMS:
            return Sms(recipient.to, rendered["text"])
        case Channel.EMAIL:
            return Email(
                to=recipient.to,
                language=template.language,
                subject=rendered["subject"],
                text=rendered["text"],
                html=rendered["html"],
                unsubscribe_url=recipient.unsubscribe_url,
                reply_to=recipient.reply_to,
            )
        case Channel.LETTER:
            return Letter(recipient.address, template.language, rendered["text"])
        case Channel.VOICE:
            return Voice(
                to=recipient.to,
                language=template.language,
                opening=rendered["opening"],
                verify=rendered["verify"],
                verify_salt=recipient.verify_salt,
                verify_digests=recipient.verify_digests,
                message=rendered["message"],
                machine=rendered.get("machine"),
                goodbye=rendered["goodbye"],
                keys=template.keys,
            )


def _mail_part(name: str, text: str) -> str:
    if name == "html":
        return text
    return squeezed(text) if name == "text" else " ".join(text.split())
