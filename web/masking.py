"""How names and contact values are shown to those who may not see them: enough to recognise, too little to use."""

DOTS = "••••"


def masked_name(name: str) -> str:
    """The first letter of each word, at most three: `Chan Tai Man` → `C•• T•• M••`, `王小明` → `王••`."""
    return " ".join(f"{word[0]}••" for word in name.split()[:3])


def masked_value(kind: str, value: str) -> str:
    """A number by its last two digits, a mailbox by its first letter and its domain's end, anything else not at all."""
    if kind in ("mobile", "landline", "work"):
        digits = "".join(character for character in value if character.isdecimal())
        return f"{DOTS} {digits[-2:]}".rstrip()
    if kind in ("email", "work_email") and "@" in value:
        name, _, domain = value.rpartition("@")
        return f"{name[:1]}{DOTS}@{DOTS}.{domain.rpartition('.')[2]}"
    return DOTS
