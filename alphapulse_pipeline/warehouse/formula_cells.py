"""Text in CSV files that a spreadsheet would run as a formula.

Spreadsheets calculate a cell that begins with `=`, `+`, `-` or `@`, also after a tab or a carriage
return: `=HYPERLINK(...)` as a deposit's reference sends the row to a stranger. The usual remedy is
an apostrophe in front, which makes the cell text (OWASP, "CSV Injection"). A text that is only a
number stays as it is: it calculates nothing. A text that has apostrophes in front of such a
character gets one more, so that `restore` gives back every text.
"""

import re

from psycopg import sql

# both Python's and PostgreSQL's regular expressions, which know \A, \Z and these escapes
_FORMULA = r"\A'*[=+@\t\r-]"
_NUMBER = r"\A[+-]([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\Z"


def protect(text: str) -> str:
    """The text as a cell that no spreadsheet calculates."""
    if re.search(_FORMULA, text) and not re.search(_NUMBER, text):
        return f"'{text}"
    return text


def restore(cell: str) -> str:
    """The text of a cell that `protect` or `protected` made."""
    return cell[1:] if cell.startswith("'") and re.search(_FORMULA, cell) else cell


def protected(column: sql.Composable) -> sql.Composable:
    """An SQL expression: `protect` of a text column."""
    return sql.SQL("CASE WHEN {0} ~ {1} AND {0} !~ {2} THEN '''' || {0} ELSE {0} END").format(
        column, sql.Literal(_FORMULA), sql.Literal(_NUMBER)
    )
