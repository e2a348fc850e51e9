"""Text from outside, made safe to store and to show."""

import re

UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef"
    "\ufffe\uffff]"
)
"""Control characters, line separators, direction overrides, lone surrogates and noncharacters."""


def escape(text: str) -> str:
    """`text` with unsafe characters as escapes: `\\u001b`.

    PostgreSQL cannot store some of them; others move a terminal's cursor, or turn the direction of
    the text that follows.
    """
    return UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
