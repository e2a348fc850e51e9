"""Errors that the user can fix."""


class UserError(Exception):
    """A problem and its fix. `str()` is one line with both: "problem; fix"."""

    def __init__(self, problem: str, fix: str) -> None:
        self.problem = problem
        self.fix = fix
        super().__init__(f"{problem}; {fix}")


class SettingsError(UserError):
    """A mistake in a file, an environment variable or a command's arguments."""


class FieldError(UserError, ValueError):
    """A value that a field of a settings model does not accept. Raised in pydantic validators."""
