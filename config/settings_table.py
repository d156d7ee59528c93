"""The table of all settings in docs/running.md; `python -m config.settings_table` renews it."""

import re
from pathlib import Path

from pydantic import SecretStr

from config.embedded.state import ROOT
from config.settings import PREFIX, Settings

BEGIN, END = "<!-- settings -->\n", "<!-- end of settings -->\n"


def table() -> str:
    """The settings as Markdown: name, default, meaning."""
    rows = ["| setting | default | meaning |\n|---|---|---|\n"]
    for name, field in Settings.model_fields.items():
        default = "see above" if field.default_factory else shown(field.default)
        rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |\n")
    return "".join(rows)


def shown(default: object) -> str:
    """A default as an operator would write it."""
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if default in (None, ""):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def renewed(page: str) -> str:
    """The page with its table as the settings are now."""
    return re.sub(f"{BEGIN}.*?{END}", lambda _: f"{BEGIN}{table()}{END}", page, flags=re.DOTALL)


if __name__ == "__main__":
    guide = Path(ROOT, "docs", "running.md")
    guide.write_text(renewed(guide.read_text(encoding="utf-8")), encoding="utf-8")
