"""XLSX sheets as records, by python-calamine: of formulas, the values that the spreadsheet program kept.

A formula without a kept value, and a cell with an error, would come as an empty cell, and so as nothing owed; they are
looked for in the sheet itself and come as text that no reader of values takes.
"""

import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from xml.etree import ElementTree

from python_calamine import CalamineError, CalamineWorkbook

from domain.errors import BadInput

LARGEST_WORKBOOK = 1_500_000_000
"""Bytes once unpacked: the library holds a whole sheet in memory."""
EXACT = 2**53
"""Beyond it a spreadsheet has lost digits of a number."""
WITHOUT_VALUE = "=(a formula without a value, or an error)"
INEXACT = "=(a number whose last digits the spreadsheet lost)"
"""Both begin as formulas do, which nothing but a number may, and are no numbers."""

_CHUNK = 1 << 20
_LONGEST_CELL = 200_000
_CELL = re.compile(rb"<(?:\w+:)?c\b([^>]*?)(?:/>|>(.*?)</(?:\w+:)?c>)", re.DOTALL)
_PLACE = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
_VALUE = re.compile(rb"<(?:\w+:)?v\b[^>]*>[^<]|<(?:\w+:)?is\b")
_RELATIONS = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"

Cell = float | str | bool | time | date | datetime | timedelta


def records(path: Path, sheet_name: str | None) -> Iterator[tuple[int, Sequence[str]]]:
    """The rows of a sheet, the first one by default, as line and cells; empty rows are passed over."""
    _check_size(path)
    try:
        book = CalamineWorkbook.from_path(str(path))
        if sheet_name is not None and sheet_name not in book.sheet_names:
            remedy = f"Sheets: {', '.join(book.sheet_names)}. Say `sheet:` in the mapping."
            raise BadInput("there is no such sheet.", where=str(path), remedy=remedy)
        sheet = book.get_sheet_by_name(sheet_name) if sheet_name else book.get_sheet_by_index(0)
        rows = sheet.iter_rows()
    except CalamineError as error:
        what = f"not an XLSX file that can be read ({type(error).__name__})."
        raise BadInput(what, where=str(path), remedy="Save it again without a password, or as CSV.") from None
    shift = sheet.start[1] if sheet.start else 0
    wrong = _without_value(path, sheet.name)
    for number, cells in enumerate(rows, start=1):
        texts = [_text(cell) for cell in cells]
        for column in wrong.get(number, ()):
            texts[column - shift] = WITHOUT_VALUE
        if any(texts):
            yield number, texts


def _check_size(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(each.file_size for each in packed.infolist())
    except zipfile.BadZipFile:
        raise BadInput("not an XLSX file: its ZIP is damaged.", where=str(path), remedy="Save it again.") from None
    if size > LARGEST_WORKBOOK:
        raise BadInput("a workbook too large to hold in memory.", where=str(path), remedy="Save the sheet as CSV.")


def _text(cell: Cell) -> str:
    """A cell as CSV would have it: whole numbers without a point, days in ISO 8601."""
    if isinstance(cell, str):
        return cell.replace("\0", "\ufffd")
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float | int):
        if abs(cell) >= EXACT:
            return INEXACT
        return str(int(cell)) if cell == int(cell) else f"{cell:.15f}".rstrip("0") if abs(cell) < 1e-4 else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat()
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)


def _without_value(path: Path, sheet: str) -> dict[int, list[int]]:
    """Cells of the sheet with a formula and no value, or with an error: columns from 0 by row from 1."""
    found: dict[int, list[int]] = {}
    with zipfile.ZipFile(path) as packed:
        for attributes, inside in _cells(packed, _part(packed, sheet)):
            has_formula = b"<f" in inside or b":f" in inside
            if not (b't="e"' in attributes or (has_formula and not _VALUE.search(inside))):
                continue
            place = _PLACE.search(attributes)
            if place is None:
                raise BadInput(
                    "a formula without a value.", where=str(path), remedy="Save the sheet as values, or as CSV."
                )
            found.setdefault(int(place[2]), []).append(_column(place[1].decode()))
    return found


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _part(packed: zipfile.ZipFile, sheet: str) -> str:
    """The name of the sheet's part within the package; empty where the package does not say."""
    try:
        book = ElementTree.fromstring(packed.read("xl/workbook.xml"))  # noqa: S314 -- expat limits expansion
        links = ElementTree.fromstring(packed.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    except (KeyError, ElementTree.ParseError):
        return ""
    wanted = next(
        (each.get(_RELATIONS) for each in book.iter() if each.get("name") == sheet and each.get(_RELATIONS)), ""
    )
    target = next((each.get("Target") or "" for each in links if each.get("Id") == wanted), "")
    name = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    return name if name in packed.namelist() else ""


def _cells(packed: zipfile.ZipFile, part: str) -> Iterator[tuple[bytes, bytes]]:
    """Attributes and content of each cell with content, read piece by piece."""
    if not part:
        return
    with packed.open(part) as stream:
        held = b""
        while piece := stream.read(_CHUNK):
            held += piece
            end = 0
            for cell in _CELL.finditer(held):
                end = cell.end()
                if cell[2]:
                    yield cell[1], cell[2]
            held = held[max(end, len(held) - _LONGEST_CELL) :]
