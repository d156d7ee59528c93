"""Many dispatchers and one debtor with many accounts: nobody waits for ever, and the rules hold."""

import pytest

from bench import contention


@pytest.mark.slow
def test_64_dispatchers_share_a_debtor_with_1000_accounts() -> None:
    result = contention.main(accounts=1_000, dispatchers=64, hours=12)
    figures = {one["figure"]: one["value"] for one in result["figures"]}  # type: ignore[attr-defined]
    assert figures["contending dispatchers: violations"] == 0
    assert result["unjudged"] == 0
    assert figures["contending dispatchers: contacts judged"] >= contention.OTHERS * 0.9
