"""List, read, check and compare policy packs, and decide cases by them."""

import json
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from config.settings import load_settings, resolve
from domain.errors import BadInput
from domain.facts import Facts
from forbear import policy_explain, policy_ledger
from storage.debtor_screen import find
from storage.ledger_facts import LedgerRow, entries_of, entries_of_all, references
from storage.session import Database
from throttling import compare, describe, replay
from throttling.check import check as check_pack
from throttling.compose import compile_rules, select
from throttling.decide import decide as decide_case
from throttling.decision_json import decision_to_json
from throttling.facts_json import parse_cases
from throttling.language import Pack
from throttling.packs import Filed, Library, load_pack, load_packs

app = typer.Typer()
Folder = Annotated[Path | None, typer.Option("--packs", help="Another folder of packs than the one that ships.")]


@app.command("list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
    packs: Folder = None,
) -> None:
    """List every version of every pack, and when it is in force."""
    found = [_row(pack) for pack in load_packs(packs).packs]
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    for row in found:
        place = "-".join(str(part) for part in (row["country"], row["region"]) if part) or "any"
        until = f" until {row['effective_until']}" if row["effective_until"] else ""
        typer.echo(f"{row['id']:<24}{place:<8}{row['strength']:<12}from {row['effective_from']}{until}  {row['title']}")


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="ID[@VERSION]", help="A pack, or a file.")],
    as_json: Annotated[bool, typer.Option("--json", help="For scripts: the whole pack.")] = False,
    packs: Folder = None,
) -> None:
    """Show a pack in plain words: rules, clauses, meaning, how sure the text is."""
    for filed in _named(load_packs(packs), name):
        if as_json:
            typer.echo(json.dumps(filed.pack.model_dump(mode="json"), ensure_ascii=False, indent=1, sort_keys=True))
        else:
            typer.echo("\n".join(describe.describe(filed.pack)) + "\n")


@app.command()
def check(
    names: Annotated[list[str] | None, typer.Argument(metavar="[ID|FILE]...", help="By default, all.")] = None,
    packs: Folder = None,
) -> None:
    """Read packs, run every worked example, and say what is missing. Exit 1 where an example fails."""
    library = load_packs(packs)
    chosen = [filed for name in names for filed in _named(library, name)] if names else list(library.filed)
    today = datetime.now(UTC).date()
    errors = 0
    for filed in chosen:
        for finding in check_pack(filed, _with(library, filed), today):
            errors += finding.is_error
            typer.echo(f"{finding.where}: {'error' if finding.is_error else 'note'}: {finding.what}")
    typer.echo(f"{len(chosen)} packs, {sum(len(filed.pack.rules) for filed in chosen)} rules, {errors} errors")
    raise typer.Exit(1 if errors else 0)


@app.command()
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="ID@VERSION, or a file.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="ID@VERSION, or a file.")],
    facts: Annotated[Path | None, typer.Option(help="Cases to decide under both.")] = None,
    creditor: Annotated[
        str | None, typer.Option("--creditor", "-c", help="Replay this creditor's ledger under both.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="How many days of the ledger.")] = 30,
    packs: Folder = None,
) -> None:
    """Say in plain words what changes between two versions of a pack."""
    library = load_packs(packs)
    before, after = _one(library, old), _one(library, new)
    lines = list(compare.changes(before.pack, after.pack)) or ["nothing changes"]
    typer.echo("\n".join(lines))
    if facts is not None:
        cases = [case for case in parse_cases(_read(facts))[0] if isinstance(case, Facts)]
        rulesets = [
            compile_rules(replay.timeless(_with(library, each), each), [each.pack.id]) for each in (before, after)
        ]
        changed = list(replay.compare(cases, *rulesets))
        typer.echo("".join(f"{each.describe()}\n" for each in changed), nl=False)
        typer.echo(f"{len(changed)} of {len(cases)} cases are answered differently")
    if creditor is not None:
        since = datetime.now(UTC) - timedelta(days=days)
        typer.echo("\n".join(_replayed(creditor, since, _with(library, before), before, after)))


@app.command()
def decide(
    facts: Annotated[Path, typer.Option(help="A JSON array or JSON lines; - is standard input.")],
    packs: Folder = None,
) -> None:
    """Decide cases: facts in, decisions out. Exit 2 where a case is wrong; every other case is still answered."""
    library = load_packs(packs)
    cases, is_array = parse_cases(_read(facts))
    wrong = 0
    answers = []
    for case in cases:
        try:
            answers.append(_answer(case, library))
        except BadInput as error:
            wrong += 1
            typer.echo(f"forbear: {error.describe()}", err=True)
    if is_array:
        typer.echo(json.dumps(answers, ensure_ascii=False, indent=1))
    else:
        for answer in answers:
            typer.echo(json.dumps(answer, ensure_ascii=False))
    raise typer.Exit(2 if wrong else 0)


@app.command()
def explain(
    debtor: Annotated[str, typer.Argument(help="The creditor's reference of a debtor or account, or our id.")],
    creditor: Annotated[str | None, typer.Option("--creditor", "-c", help="The creditor's code.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="The first day, YYYY-MM-DD. Without: today.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
    packs: Folder = None,
) -> None:
    """Show a week in the debtor's local time: when each channel may be used, and what closes it otherwise."""
    now = datetime.now(UTC)
    facts = policy_explain.facts_of(_entries(debtor, creditor), now)
    zone = policy_explain.zone_of(facts)
    found = policy_explain.calendar(facts, load_packs(packs), _day(first, zone, now), now)
    if as_json:
        typer.echo(json.dumps({"timezone": zone, "stretches": policy_explain.rows(found)}, ensure_ascii=False))
    else:
        typer.echo("\n".join(policy_explain.lines(found, zone)))


@app.command()
def docs(
    write: Annotated[Path | None, typer.Option(help="The file to write; by default, standard output.")] = None,
    packs: Folder = None,
) -> None:
    """Make the table of jurisdictions from the packs."""
    page = describe.table(load_packs(packs))
    if write is None:
        typer.echo(page, nl=False)
    else:
        write.write_text(page, encoding="utf-8")


def _replayed(creditor: str, since: datetime, library: Library, old: Filed, new: Filed) -> list[str]:
    if old.pack.id != new.pack.id:
        raise BadInput("OLD and NEW are not versions of one pack.", where="NEW", remedy="Leave out --creditor.")
    database = Database(str(resolve(load_settings()).database_url), pool_size=1)
    try:
        creditor_id = database.creditors().get(creditor)
        if creditor_id is None:
            raise BadInput(f"there is no creditor `{creditor}`.", where="--creditor", remedy="`forbear creditor list`.")
        with database.tenant(creditor_id) as connection:
            found = policy_ledger.compared(entries_of_all(connection, since), since, library, old, new)
            names = references(connection, sorted({case.debtor_id for case, _ in found.changed}))
    finally:
        database.close()
    return policy_ledger.lines(found, names)


def _day(written: str | None, zone: str, now: datetime) -> date:
    today = now.astimezone(ZoneInfo(zone)).date()
    try:
        day = date.fromisoformat(written) if written else today
    except ValueError:
        raise BadInput(f"{written!r} is no date.", where="--from", remedy="Write it as 2026-03-02.") from None
    if day < today:
        raise BadInput("the day has passed.", where="--from", remedy="`forbear why` says what was done, and why.")
    return day


def _entries(debtor: str, creditor: str | None) -> list[LedgerRow]:
    database = Database(str(resolve(load_settings()).database_url), pool_size=1)
    try:
        known = database.creditors()
        if creditor is not None and creditor not in known:
            raise BadInput(f"there is no creditor `{creditor}`.", where="--creditor", remedy="`forbear creditor list`.")
        found: list[list[LedgerRow]] = []
        for code, creditor_id in known.items():
            if creditor in (None, code):
                with database.tenant(creditor_id) as connection:
                    if debtor_id := find(connection, creditor_id, debtor):
                        found.append(list(entries_of(connection, [debtor_id])))
    finally:
        database.close()
    if not found:
        raise BadInput("there is no debtor, and no account, of that reference or id.", where="DEBTOR")
    if len(found) > 1:
        raise BadInput("several creditors have such a debtor.", where="DEBTOR", remedy="Name one with --creditor.")
    return found[0]


def _answer(case: Facts | BadInput, library: Library) -> dict[str, object]:
    if isinstance(case, BadInput):
        raise case
    try:
        ruleset = compile_rules(library, select(case, library) if case.packs is None else case.packs)
    except BadInput as error:
        raise BadInput(error.what, where=f"case {case.id!r}: packs", remedy=error.remedy) from error
    return decision_to_json(decide_case(ruleset, case), case.id)


def _row(pack: Pack) -> dict[str, str | None]:
    return {
        "id": pack.id,
        "title": pack.title,
        "country": pack.country,
        "region": pack.region,
        "version": pack.version,
        "effective_from": pack.effective_from.isoformat(),
        "effective_until": pack.effective_until.isoformat() if pack.effective_until else None,
        "strength": pack.strength,
    }


def _named(library: Library, name: str) -> list[Filed]:
    if name.endswith((".yaml", ".yml")):
        return [load_pack(Path(name), library.calendars)]
    pack, _, version = name.partition("@")
    found = [each for each in library.versions([pack]) if version in ("", each.pack.version)]
    if not found:
        raise BadInput(f"{pack} has no version {version!r}.", remedy="`forbear policy list` has those there are.")
    return found


def _one(library: Library, name: str) -> Filed:
    return _named(library, name)[-1]


def _with(library: Library, filed: Filed) -> Library:
    """The library with a pack that may come from a file of its own, in the place of those of its id."""
    if filed in library.filed:
        return library
    others = tuple(each for each in library.filed if each.pack.id != filed.pack.id)
    return Library((*others, filed), library.calendars)


def _read(path: Path) -> str:
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot be read ({error}).", where=str(path)) from error
