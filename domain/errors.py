"""Errors are part of the interface: each says what is wrong, where, and what to do; none carries personal data."""


class ForbearError(Exception):
    """The root of every error that Forbear raises on purpose.

    `what` says what is wrong, `where` names the place (file:line:column, a setting, a row), `remedy` says what to do.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(self.describe())

    def describe(self) -> str:
        """One line for people: `where: what. remedy`."""
        place = f"{self.where}: " if self.where else ""
        cure = f" {self.remedy}" if self.remedy else ""
        return f"{place}{self.what}{cure}"


class BadInput(ForbearError):
    """A file, an option or a request that a person gave is wrong; nothing was done."""


class BadSettings(ForbearError):
    """A setting is missing or contradicts another; nothing was started."""


class Unavailable(ForbearError):
    """A server that is needed cannot be reached; Forbear holds rather than sends."""


class IllegalTransition(ForbearError):
    """An attempt was asked to move where its life cycle does not lead; it stays where it was."""


class Tampered(ForbearError):
    """A ledger entry, a ciphertext or a signature does not verify."""


class Refused(ForbearError):
    """An action that the rules or the settings forbid, such as real sending that is not configured."""
