"""Characters that no output of ours may hold."""

import re

RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""What moves a cursor, starts an escape sequence, turns text around or hides it; line feeds end our own lines."""
