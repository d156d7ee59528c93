"""Every worked example of every pack holds, and each deferral in them is exact."""

import pytest

from throttling.examples import run
from throttling.packs import Filed, load_packs

LIBRARY = load_packs()


@pytest.mark.parametrize("filed", LIBRARY.filed, ids=lambda filed: f"{filed.pack.id}@{filed.pack.version}")
def test_examples_hold(filed: Filed) -> None:
    failures, _ = run(filed, LIBRARY)
    assert not failures, "\n".join(f"{each.where}: {each.what}" for each in failures)
