"""The page on cadences says what the code does."""

import re
from pathlib import Path

from campaigns.cadence import Exit, Kind
from campaigns.cadence_file import KEYS, STEP_KEYS, read_cadence
from campaigns.conditions import FUNCTIONS, NUMBERS, TEXTS

PAGE = (Path(__file__).parents[2] / "docs" / "cadences.md").read_text(encoding="utf-8")


def test_its_example_can_be_read_and_shows_every_key():
    [example] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert read_cadence(example, "docs/cadences.md").cadence.name == "card-early"
    for key in KEYS:
        assert re.search(rf"^{key}:", example, re.MULTILINE), key


def test_it_names_every_word_of_the_language():
    words = [*NUMBERS, *TEXTS, *(f'{name}("…")' for name in FUNCTIONS), *STEP_KEYS, *Kind]
    words += [exit_ for exit_ in Exit if exit_ is not Exit.ABOVE]
    for word in words:
        assert f"`{word}`" in PAGE, word
