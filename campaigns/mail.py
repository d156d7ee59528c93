"""MJML with Liquid inside becomes an HTML text and a plain text with Liquid inside: once per template.

The plain text is derived from the same MJML, so that the two can never say different things. Liquid is taken out before
the MJML compiler sees it and put back afterwards.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from mjml import mjml2html

from campaigns.source import Problem, Source
from domain.errors import BadInput

_LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_OPEN, _CLOSE = (
    "\N{MATHEMATICAL LEFT WHITE TORTOISE SHELL BRACKET}",
    "\N{MATHEMATICAL RIGHT WHITE TORTOISE SHELL BRACKET}",
)
_TOKEN = re.compile(f"{_OPEN}(\\d+){_CLOSE}")
_CJK = r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]"
_FOLDED = re.compile(rf"(?<={_CJK})[ \t]*\n\s*|\s*\n\s*(?={_CJK})")
"""A line end beside a Chinese character: in HTML it would show as a blank."""
_OUTSIDE = re.compile(r"""(?:src|background-url|href)\s*=\s*["'](?!\{\{)[^"']*|url\(|@import""", re.IGNORECASE)

_LAYOUT = {"mjml", "mj-head", "mj-body", "mj-attributes", "mj-all", "mj-class", "mj-title", "mj-preview", "mj-style"}
_BLOCKS = {
    "mj-wrapper",
    "mj-section",
    "mj-column",
    "mj-text",
    "mj-table",
    "mj-button",
    "mj-divider",
    "mj-spacer",
    "mj-raw",
}
_INSIDE = {
    "p",
    "h1",
    "h2",
    "h3",
    "ul",
    "ol",
    "li",
    "table",
    "tr",
    "td",
    "th",
    "a",
    "b",
    "strong",
    "em",
    "br",
    "span",
    "meta",
}
_KNOWN = _LAYOUT | _BLOCKS | _INSIDE
_UNSEEN = {"mj-head", "mj-raw"}
_PARAGRAPHS = {"mj-text", "mj-table", "mj-button", "mj-divider", "p", "h1", "h2", "h3", "ul", "ol"}


def compile_mail(source: Source, language: str) -> tuple[str, str]:
    """The HTML and the plain text of a mail, both with Liquid inside. Raises BadInput where the MJML is broken."""
    pieces = _LIQUID.findall(source.text)
    numbers = iter(range(len(pieces)))
    inert = _LIQUID.sub(lambda _: f"{_OPEN}{next(numbers)}{_CLOSE}", source.text)
    if language.startswith("zh"):
        inert = _FOLDED.sub("", inert)
    try:
        html = mjml2html(inert, disable_comments=True, fonts={})  # its own would be fetched, and tell who reads what
    except ValueError as error:
        raise BadInput(f"this is not MJML: {error}.", where=str(source.spot(0)), remedy="Close every tag.") from None
    return _restored(html, pieces), _restored(_text(inert, language), pieces)


def lint_mail(source: Source) -> Iterator[Problem]:
    """What a mail may not hold: unknown elements, and anything that is fetched from elsewhere when it is opened."""
    for found in re.finditer(r"<\s*([a-zA-Z][\w-]*)", _LIQUID.sub(lambda piece: " " * len(piece[0]), source.text)):
        if found[1].lower() not in _KNOWN:
            yield source.problem(found.start(), f"`<{found[1]}>` is not used in mails here", "See docs/templates.md.")
    for found in _OUTSIDE.finditer(source.text):
        remedy = "Link by a variable, such as {{ pay_url }}; use no images and no style sheets from elsewhere."
        yield source.problem(found.start(), "a mail may point nowhere but by variables", remedy)


def squeezed(text: str) -> str:
    """Plain text without blanks at line ends and without more than one empty line in a row."""
    lines: list[str] = []
    is_open = False
    for line in map(str.strip, text.splitlines()):
        if line or is_open:
            lines.append(line)
        is_open = bool(line)
    return "\n".join(lines).rstrip("\n") + "\n"


def _restored(text: str, pieces: list[str]) -> str:
    return _TOKEN.sub(lambda token: pieces[int(token[1])], text)


def _text(mjml: str, language: str) -> str:
    walker = _TextWalker("：" if language.startswith("zh") else ": ")
    walker.feed(mjml)
    walker.close()
    return squeezed("".join(walker.written))


class _TextWalker(HTMLParser):
    """Writes the words of an MJML body as plain text: links in full, table rows as `label: value`."""

    def __init__(self, colon: str) -> None:
        super().__init__(convert_charrefs=True)
        self.colon = colon
        self.written: list[str] = []
        self.unseen = 0
        self.links: list[str] = []
        self.cells = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Breaks before an element, list marks, and colons between cells."""
        self.unseen += tag in _UNSEEN
        if tag in _PARAGRAPHS:
            self.written.append("\n\n")
        if tag == "tr":
            self.written.append("\n")
            self.cells = 0
        if tag == "br":
            self.written.append("\n")
        if tag == "li":
            self.written.append("\n- ")
        if tag in ("td", "th"):
            self.written.append(self.colon if self.cells else "")
            self.cells += 1
        if tag in ("a", "mj-button"):
            self.links.append(dict(attrs).get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        """Breaks after an element; after a link's words its address."""
        self.unseen -= tag in _UNSEEN
        if tag in ("a", "mj-button") and self.links:
            address = self.links.pop()
            if not self.written or self.written[-1].strip() != address:
                self.written.append(f"{self.colon}{address}")
        if tag in _PARAGRAPHS:
            self.written.append("\n\n")

    def handle_data(self, data: str) -> None:
        """Words, with runs of blanks as one."""
        if self.unseen:
            return
        words = re.sub(r"\s+", " ", data)
        if self.written and self.written[-1].endswith(("\n", "- ")):
            words = words.lstrip()
        if words:
            self.written.append(words)
