"""Tokens of the text form."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from attnscope.einsum_cascade.spans import Source, Span, refusal

# Signs that people paste from papers, each as long as what it stands for is read.
PASTED = {"×": "*", "·": "*", "∙": "*", "−": "-", "≤": "<=", "≥": ">=", "≠": "!=", "∞": "inf", "′": "'"}

TOKEN = re.compile(
    r"(?P<space>[ \t\r\f]+|\\\r?\n)"
    r"|(?P<newline>\n)"
    r"|(?P<comment>#[^\n]*)"
    r"|(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*['′]*)"
    r"|(?P<sign>\*\*|//|<=|>=|==|!=|[-+*/%<>=,()\[\]]|[×·∙−≤≥≠∞])"
)


@dataclass(frozen=True)
class Token:
    """One token: ``kind`` is name, number, sign, comment, text, newline or end."""

    kind: str
    text: str
    span: Span

    @property
    def shown(self) -> str:
        """How an error message names it."""
        return {"newline": "the end of the line", "end": "the end of the text"}.get(self.kind, repr(self.text))


def tokenize(source: Source) -> Iterator[Token]:
    """Yield the tokens of ``source``; a sign that no cascade uses is refused where it stands."""
    line, start, at, depth = 1, 0, 0, 0
    text = source.text
    while at < len(text):
        found = TOKEN.match(text, at)
        span = Span(source, line, at - start + 1)
        if found is None:
            raise refusal(f"{text[at]!r} has no meaning in a cascade; comments start with '#'", span)
        kind, word = str(found.lastgroup), found.group()
        word = PASTED.get(word, word.replace("′", "'"))
        depth += (word == "(") - (word == ")")
        at = found.end()
        if kind == "name" and word == "source" and _opens_line(text, found.start()):
            yield Token("name", word, span)
            stop = text.find("\n", at) if "\n" in text[at:] else len(text)
            yield Token("text", text[at:stop].strip(), Span(source, line, at - start + 1))
            at = stop
        elif kind == "number" or kind == "name" or kind == "sign" or kind == "comment":
            yield Token("name" if word == "inf" else kind, word, span)
        elif kind == "newline" and depth <= 0:
            yield Token(kind, word, span)
        if "\n" in word:
            line, start = line + 1, at
    yield Token("end", "", Span(source, line, at - start + 1))


def _opens_line(text: str, at: int) -> bool:
    return not text[text.rfind("\n", 0, at) + 1 : at].strip() and not text[at + 6 :].lstrip(" \t").startswith("[")
