"""Where state is kept when nobody says where."""

import os
from pathlib import Path

import pytest

from config.embedded import state
from config.embedded.state import default_state_dir


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program's folder, for this test; the user is an ordinary one whose home it is in."""
    monkeypatch.setattr(state, "ROOT", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/zhang")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    return tmp_path


def test_in_a_checkout_it_is_beside_the_code(place: Path) -> None:
    assert default_state_dir() == place / ".state"


def test_installed_it_is_among_the_users_data(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "ROOT", place / "forbear" / "_app")
    assert default_state_dir() == Path("/home/zhang/.local/share/forbear")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_state_dir() == Path("/data/forbear")


def test_a_checkout_of_someone_else_is_left_alone(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    assert default_state_dir() == Path("/home/zhang/.local/share/forbear")


def test_root_keeps_it_where_the_servers_account_can_get(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(state, "is_open_to_all", lambda _path: True)
    assert default_state_dir() == place / ".state"
    monkeypatch.setattr(state, "is_open_to_all", lambda _path: False)
    assert default_state_dir().parent == Path("/var/lib/forbear")
    monkeypatch.setattr(state, "ROOT", place / "other")
    (place / "other").mkdir()
    closed = default_state_dir()
    assert closed.name.startswith("checkout-")
    monkeypatch.setattr(state, "ROOT", place / "forbear" / "_app")
    assert default_state_dir() == Path("/var/lib/forbear")
