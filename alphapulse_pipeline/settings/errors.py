"""Failures that a person can fix."""


class UserError(Exception):
    """What happened, and what to do about it.

    `str()` is one line: the problem, then the fix. The two are kept apart for whoever shows them
    apart, as the doctor does.
    """

    def __init__(self, problem: str, fix: str = "") -> None:
        self.problem = problem
        self.fix = fix
        super().__init__(f"{problem}; {fix}" if fix else problem)


class SettingsError(UserError):
    """A mistake in a file, a variable or a command's arguments."""
