"""Message templates: a library of files, each a message for one channel in one language, compiled when first needed.

`load_templates` reads a folder; `TemplateLibrary.find` gives what is to be rendered; `TemplateLibrary.lint` finds every
mistake before anything is launched.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from campaigns import located
from campaigns.compiled import Compiled, compile_source
from campaigns.duties import BEFORE_VERIFIED, DUTIES, REQUIRED, is_carried, telling, wording
from campaigns.formats import LOCALES, style_for
from campaigns.lint import lint
from campaigns.mail import compile_mail, lint_mail
from campaigns.segments import outside_gsm
from campaigns.source import Problem, Source, Spot, joined, lines_of
from campaigns.template_files import ENDINGS, SHARED, TemplateFile, read_template
from domain.channel import Channel
from domain.errors import BadInput

FOLDER = Path(__file__).parent.parent / "config" / "templates"
"""The templates that ship."""
LIBRARY = "library.yaml"
MOST = {Channel.SMS: 1_600, Channel.VOICE: 3_000, Channel.EMAIL: 250_000, Channel.LETTER: 100_000}
"""Characters of one rendered text: what providers take, and in mails what a thousand accounts come to."""
_NAME = re.compile(r"(?P<channel>[a-z]+)\.(?P<language>[a-z]{2,3}(-[A-Z][a-z]{3})?)\.(?P<ending>[a-z]+)")
_SCRIPTS = {"zh-TW": "zh-Hant", "zh-HK": "zh-Hant", "zh-MO": "zh-Hant", "zh": "zh-Hans"}


class BadTemplates(BadInput):
    """Templates do not say what they should: `problems`, each with file:line:column."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        first = self.problems[0]
        super().__init__(f"{first.found}.", where=str(first.spot), remedy=first.would_be_right)

    def describe(self) -> str:
        """One line for each problem."""
        return "\n".join(map(str, self.problems))


@dataclass(frozen=True, slots=True)
class Template:
    """One message, ready to render. `digest`: the SHA-256 (hex) of all that it was made from.

    `parts`: `text` of an SMS or letter; `subject`, `text`, `html` of a mail; the sections of a call. `names` are the
    variables without which it is refused; `carries` the duties that it fulfils; `keys` a call's digits and meanings.
    """

    id: str
    channel: Channel
    language: str
    digest: str
    carries: frozenset[str]
    parts: Mapping[str, Compiled]
    keys: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Every variable that it needs."""
        return frozenset().union(*(part.names for part in self.parts.values()))


@dataclass(frozen=True, slots=True)
class TemplateLibrary:
    """All templates of one folder. `fallback`: by language, the languages that may be sent instead, in order.

    Nothing is mixed silently: a reader of one script never gets the other unless the library's own file says so.
    """

    folder: str
    files: Mapping[tuple[str, Channel, str], TemplateFile]
    fallback: Mapping[str, tuple[str, ...]]
    problems: tuple[Problem, ...] = ()
    compiled: dict[str, Template] = field(default_factory=dict, compare=False, repr=False)

    def ids(self) -> list[str]:
        """The ids of all templates."""
        return sorted({id_ for id_, _, _ in self.files})

    def languages(self, id_: str, channel: Channel) -> list[str]:
        """The languages in which a template exists for a channel."""
        return sorted(language for known, on, language in self.files if known == id_ and on is channel)

    def has(self, id_: str, channel: Channel, language: str) -> bool:
        """Whether the template exists for the channel in exactly this language."""
        return (id_, channel, written_language(language)) in self.files

    def find(self, id_: str, channel: Channel, language: str) -> Template:
        """The template for a reader of `language` (BCP 47), in that language or one that it falls back to.

        Raises BadInput where there is none, and BadTemplates where it cannot be compiled.
        """
        wanted = written_language(language)
        for candidate in (wanted, *self.fallback.get(wanted, self.fallback.get("default", ()))):
            file = self.files.get((id_, channel, candidate))
            if file is not None:
                found = self.compiled.get(file.digest)
                if found is None:
                    found = self.compiled[file.digest] = compile_template(file)
                return found
        raise BadInput(
            f"there is no template `{id_}` for {channel.value} in {language}.",
            where=self.folder,
            remedy=self._remedy(id_, channel, wanted),
        )

    def _remedy(self, id_: str, channel: Channel, language: str) -> str:
        if id_ not in self.ids():
            return located.did_you_mean(id_, self.ids())
        return f"Add {id_}/{channel.value}.{language}.{ENDINGS[channel]}, or a fallback in {LIBRARY}."

    def lint(self, *ids: str) -> list[Problem]:
        """Every mistake in the templates named, or in all of them."""
        wanted = set(ids) or set(self.ids())
        found = [*self.problems] if not ids else []
        for (id_, _, _), file in self.files.items():
            if id_ in wanted:
                found += lint_file(file)
        return sorted(set(found))


def written_language(tag: str) -> str:
    """The language by which templates are filed, of a BCP 47 tag: zh-TW is zh-Hant, en-GB is en."""
    if tag in LOCALES:
        return tag
    parts = tag.replace("_", "-").split("-")
    for length in (3, 2, 1):
        head = "-".join(parts[:length])
        if head in LOCALES or head in _SCRIPTS:
            return _SCRIPTS.get(head, head)
    return parts[0]


def load_templates(folder: Path = FOLDER) -> TemplateLibrary:
    """The library of a folder: `<id>/<channel>.<language>.<ending>`, shared parts in `_shared/`, `library.yaml`.

    Raises BadInput where the folder or a file cannot be read. Mistakes in the files are told by `lint`.
    """
    try:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        texts = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadInput(f"the templates cannot be read: {what}.", where=str(folder)) from error
    if not texts:
        raise BadInput("there are no templates.", where=str(folder), remedy="Name a folder of templates.")
    return library(str(folder), texts)


def library(folder: str, texts: Mapping[str, str]) -> TemplateLibrary:
    """The library of files that were read already, by their paths inside the folder."""
    shared = {path: text for path, text in texts.items() if path.startswith(f"{SHARED}/")}
    files: dict[tuple[str, Channel, str], TemplateFile] = {}
    problems: list[Problem] = []
    for path, text in texts.items():
        if path in shared or path == LIBRARY:
            continue
        id_, _, name = path.rpartition("/")
        match = _NAME.fullmatch(name)
        if match is None or match["channel"] not in list(Channel) or not id_ or "/" in id_:
            remedy = "Name it <id>/<channel>.<language>.<ending>, such as card-reminder/sms.en.liquid."
            problems.append(Problem(Spot(path, 1, 1), "this is no template's name", remedy))
            continue
        channel, language = Channel(match["channel"]), match["language"]
        if language not in LOCALES or match["ending"] != ENDINGS[channel]:
            remedy = f"Languages: {', '.join(LOCALES)}; {channel.value} ends with .{ENDINGS[channel]}."
            problems.append(Problem(Spot(path, 1, 1), "the language or the ending is unknown", remedy))
            continue
        files[id_, channel, language] = read_template(id_, channel, language, path, text, shared)
    fallback = _fallback(texts.get(LIBRARY, ""), problems)
    return TemplateLibrary(folder, files, fallback, tuple(problems))


def _fallback(text: str, problems: list[Problem]) -> dict[str, tuple[str, ...]]:
    if not text:
        return {}
    report = located.Report(LIBRARY)
    made: dict[str, tuple[str, ...]] = {}
    try:
        known = located.mapping(located.compose(text, report), report, "the library", ("fallback",))
        if "fallback" in known:
            chains = located.mapping(known["fallback"], report, "fallback", (*LOCALES, "default"))
            for language, node in chains.items():
                names = (
                    located.choice(item, report, "a language", LOCALES)
                    for item in located.items(node, report, "fallback")
                )
                made[language] = tuple(name for name in names if name)
    except located.BadFile:
        pass  # what is wrong is in the report
    problems += [Problem(Spot(LIBRARY, p.mark.line, p.mark.column), p.what, p.remedy) for p in report.problems]
    return made


def compile_template(file: TemplateFile) -> Template:
    """The template of a file. Raises BadTemplates where the file has mistakes that keep it from being compiled."""
    if file.problems:
        raise BadTemplates(list(file.problems))
    style, most = style_for(file.channel, file.language), MOST[file.channel]
    sections = dict(file.sections)
    parts: dict[str, Compiled] = {}
    if file.channel is Channel.EMAIL:
        html, text = (_made(file, made) for made in compile_mail(sections.pop("body"), file.language))
        parts["html"] = compile_source(html, style, is_html=True, most=most)
        parts["text"] = compile_source(text, style, most=most)
    parts |= {name: compile_source(source, style, most=most) for name, source in sections.items()}
    return Template(file.id, file.channel, file.language, file.digest, file.carries, parts, file.keys)


def _made(file: TemplateFile, text: str) -> Source:
    return joined(lines_of(file.file, text))


def duties(template: Template) -> frozenset[str]:
    """What the template carries: names of `campaigns.duties.DUTIES`, declared in its file and held to by lint."""
    return template.carries


def lint_file(file: TemplateFile) -> list[Problem]:
    """Every mistake in one template: its language, its duties, what it tells to whom, and what a channel can bear."""
    found = list(file.problems)
    for source in file.sections.values():
        found += lint(source)
    found += _channel_problems(file)
    found += _duty_problems(file)
    for name, source in file.sections.items():
        if name in BEFORE_VERIFIED:
            for at, word in telling(source, file.language):
                remedy = "Keep it neutral: a person is verified before the debt is named."
                found.append(source.problem(at, f"`{name}` tells of a debt by `{word}`", remedy))
    if not found:
        try:
            compile_template(file)
        except BadInput as error:
            found.append(file.at_top(error.what.rstrip("."), error.remedy))
    return sorted(set(found))


def _channel_problems(file: TemplateFile) -> Iterator[Problem]:
    if file.channel is Channel.EMAIL and "body" in file.sections:
        yield from lint_mail(file.sections["body"])
    if file.channel is Channel.SMS and file.language == "en" and "text" in file.sections:
        source = file.sections["text"]
        code = [(m.start(), m.end()) for m in re.finditer(r"\{\{.*?\}\}|\{%.*?%\}", source.text)]
        for at, character in outside_gsm(source.text):
            if not any(start <= at < end for start, end in code):
                remedy = "Use plain quotes, hyphens and letters, or every segment holds 67 characters and not 153."
                yield source.problem(at, f"{character!r} is not of the GSM alphabet", remedy)
    if file.channel is Channel.VOICE and "message" in file.sections:
        spoken = "\n".join(source.text for source in file.sections.values())
        for digit, meaning in file.keys:
            if not re.search(rf"(?<!\d){digit}(?!\d)", spoken):
                remedy = f"Say what {digit} does, or drop it from `keys`."
                yield file.at_top(f"key {digit} ({meaning}) is never spoken of", remedy)


def _duty_problems(file: TemplateFile) -> Iterator[Problem]:
    said, keys = wording(file.sections), frozenset(meaning for _, meaning in file.keys)
    for name in sorted(file.carries):
        if not is_carried(name, said, file.language, keys):
            duty = DUTIES[name]
            needs = [f"`{variable}`" for variable in duty.variables]
            needs += [f"one of {', '.join(f'`{variable}`' for variable in duty.one_of[:6])}"] if duty.one_of else []
            needs += ["words for it"] if duty.patterns else []
            yield file.at_top(f"it says that it carries {name}, and does not", f"It takes {' and '.join(needs)}.")
    if "debt" not in file.carries and is_carried("debt", said, file.language, keys):
        yield file.at_top("it tells of a debt and does not declare it", "Add `debt` to what it carries.")
    for name in sorted(REQUIRED[file.channel] - file.carries):
        yield file.at_top(f"it lacks {name}: {DUTIES[name].meaning}", f"Say it, and add `{name}` to what it carries.")
