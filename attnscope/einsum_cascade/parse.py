"""From text to a cascade: a parser whose refusals carry line, column, caret and the mend.

Grammar (one statement a line; a line goes on inside parentheses or after a backslash)::

    statement  = "cascade" NAME | "source" TEXT | "ranks" rank {"," rank} | "inputs" tensor {"," tensor}
               | "outputs" NAME {"," NAME} | "equals" NAME ["(" NAME {"," NAME} ")"] ["over" VAR {"," VAR}] [where]
               | "operator" NAME "(" VAR {"," VAR} ")" "=" expression ["identity" NUMBER] | einsum
    rank       = NAME ["=" NAME {"*" NAME}]
    einsum     = tensor "=" expression {reduction | where | initial}
    reduction  = OPERATOR VAR {"," VAR}             sum e     max m1, m0
    where      = "where" condition {("," | "and") condition}      condition = comparison {"or" comparison}
    initial    = tensor "=" expression              RM[0] = -inf
    expression = the usual + - * / // % ** with functions exp(x), max(a, b), ...
"""

import re
from dataclasses import dataclass, field
from pathlib import PurePath

from attnscope.einsum_cascade.definitions import Definition
from attnscope.einsum_cascade.einsum import Claim, Einsum, Rank, Reduction
from attnscope.einsum_cascade.expressions import Access, Expr, Number, Var, shifted
from attnscope.einsum_cascade.ir import Cascade
from attnscope.einsum_cascade.spans import Source, refusal
from attnscope.einsum_cascade.syntax import SyntaxReader
from attnscope.einsum_cascade.tokens import Token
from attnscope.einsum_cascade.validate import unknown_output
from attnscope.errors import CascadeError, did_you_mean

HEADERS = ("cascade", "source", "ranks", "inputs", "outputs", "equals", "operator")
SINGLE = ("cascade", "source", "equals")


def parse(text: str, source: str = "<cascade>") -> Cascade:
    """Return the cascade that ``text`` describes.

    Args:
        text: the text form, see the module's grammar.
        source: what errors call the text; a file name's stem becomes the cascade's name where no line names it.

    Raises:
        CascadeError: with line, column, a caret and the mend.
    """
    return _Parser(Source(source, text)).cascade()


def parse_claim(text: str) -> Claim:
    """Return the claim in ``text``, written as after ``equals``: ``softmax-attention(Q, K, V) where m <= p``."""
    parser = _Parser(Source("<claim>", f"equals {text}"))
    parser._equals(parser.advance())
    parser.end_of_line()
    assert parser.draft.claim is not None
    return parser.draft.claim


@dataclass
class _Draft:
    """What the lines read so far say."""

    name: str = ""
    published: str = ""
    ranks: list[Rank] = field(default_factory=list)
    inputs: list[Access] = field(default_factory=list)
    outputs: list[Token] = field(default_factory=list)
    claim: Claim | None = None
    definitions: list[Definition] = field(default_factory=list)
    einsums: list[Einsum] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    doc: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)

    def take_comments(self) -> str:
        taken, self.comments = "\n".join(self.comments), []
        return taken


class _Parser(SyntaxReader):
    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self.draft = _Draft()

    # ---- lines

    def cascade(self) -> Cascade:
        while self.token.kind != "end":
            self.line()
        draft = self.draft
        if not draft.einsums:
            raise refusal("no Einsum: write at least one, such as 'QK[m, p] = Q[e, p] * K[e, m]   sum e'", self.token)
        written = {einsum.name for einsum in draft.einsums}
        for token in draft.outputs:
            if token.text not in written:
                raise unknown_output(token.text, draft.einsums, token)
        stem = re.sub(r"[^A-Za-z0-9_]+", "-", PurePath(self.source.name).stem).strip("-")
        return Cascade(
            name=draft.name or stem or "cascade",
            ranks=tuple(draft.ranks),
            einsums=tuple(draft.einsums),
            doc="\n".join(draft.doc),
            source=draft.published,
            declared_inputs=tuple(draft.inputs),
            declared_outputs=tuple(token.text for token in draft.outputs),
            claim=draft.claim,
            closing=draft.take_comments(),
            definitions=tuple(draft.definitions),
        )

    def line(self) -> None:
        if self.token.kind == "newline":
            self.advance()
        elif self.token.kind == "comment":
            self.draft.comments.append(self.advance().text.removeprefix("#").removeprefix(" ").rstrip())
        elif self.token.text in HEADERS and not self.peek("[", 1):
            self.header()
        else:
            self.draft.einsums.append(self.einsum())

    def header(self) -> None:
        word = self.advance()
        if self.draft.einsums:
            raise refusal(f"a {word.text!r} line must stand before the first Einsum", word)
        if word.text in SINGLE and word.text in self.draft.seen:
            raise refusal(f"a second {word.text!r} line; a cascade has one", word)
        self.draft.seen.add(word.text)
        getattr(self, f"_{word.text}")(word)
        self.end_of_line()
        if self.draft.comments:
            self.draft.doc.append(self.draft.take_comments())

    def end_of_line(self) -> None:
        if self.token.kind == "comment":
            self.line()
        if not self.at_end():
            raise refusal(f"expected the end of the line, found {self.token.shown}", self.token)

    def _cascade(self, word: Token) -> None:
        self.draft.name = self.hyphenated("the cascade's name", word)

    def _source(self, _word: Token) -> None:
        self.draft.published = self.advance().text

    def _ranks(self, _word: Token) -> None:
        self.draft.ranks.append(self.rank())
        while self.accept(","):
            self.draft.ranks.append(self.rank())

    def rank(self) -> Rank:
        word = self.name("a rank's name")
        parts = [self.name("a rank's name").text] if self.accept("=") else []
        while parts and self.accept("*"):
            parts.append(self.name("a rank's name").text)
        return Rank(word.text, tuple(parts), word.span)

    def _inputs(self, _word: Token) -> None:
        self.draft.inputs.append(self.declared())
        while self.accept(","):
            self.draft.inputs.append(self.declared())

    def declared(self) -> Access:
        word = self.name("an input tensor")
        return self.access(word) if self.peek("[") else Access(word.text, (), word.span)

    def _outputs(self, _word: Token) -> None:
        self.draft.outputs.append(self.name("an output tensor"))
        while self.accept(","):
            self.draft.outputs.append(self.name("an output tensor"))

    def _equals(self, word: Token) -> None:
        reference, arguments, over = self.hyphenated("a reference's name", word), [], []
        if self.accept("("):
            arguments.append(self.name("a tensor").text)
            while self.accept(","):
                arguments.append(self.name("a tensor").text)
            self.expect(")", "after the reference's tensors")
        if self.accept("over"):
            over = [Var(self.name("an index such as 'p'").text).rank]
            while self.accept(","):
                over.append(Var(self.name("an index such as 'p'").text).rank)
        where = self.conditions() if self.accept("where") else ()
        self.draft.claim = Claim(reference, tuple(arguments), where, tuple(over), word.span)

    def _operator(self, _word: Token) -> None:
        word = self.name("an operator's name")
        self.expect("(", f"after {word.text!r}")
        parameters = [self.variable().name]
        while self.accept(","):
            parameters.append(self.variable().name)
        self.expect(")", "after the operands")
        self.expect("=", f"after {word.text}'s operands")
        expression = self.expression()
        identity = self.constant() if self.accept("identity") else None
        self.draft.definitions.append(Definition(word.text, tuple(parameters), expression, identity, word.span))

    def constant(self) -> float:
        token, value = self.token, self.signed()
        if not isinstance(value, Number):
            raise refusal("expected a number after 'identity', such as 0 or -inf", token)
        return value.value

    def hyphenated(self, what: str, before: Token) -> str:
        """Read tokens that touch each other as one word: ``attention-1pass``."""
        if self.at_end():
            raise refusal(f"expected {what} after {before.text!r}", self.token)
        word, column = "", self.token.span.column
        while not self.at_end() and self.token.span.column == column and self.token.text not in ("(", ")", ","):
            column += len(self.token.text)
            word += self.advance().text
        return word

    # ---- Einsums

    def einsum(self) -> Einsum:
        word = self.name("an Einsum such as 'QK[m, p] = ...' or a header such as 'ranks'")
        if not self.peek("["):
            hint = did_you_mean(word.text, HEADERS)
            raise refusal(f"{word.text!r} starts no line: write 'X[i, j] = ...' or a header.{hint}", word)
        left = self.access(word)
        self.expect("=", f"after {left.tensor}'s indices")
        expression = self.expression()
        reductions: list[Reduction] = []
        where: tuple[Expr, ...] = ()
        initial: Expr | None = None
        while not self.at_end():
            if self.accept("where"):
                where = (*where, *self.conditions())
            elif self.token.kind == "name" and self.peek("[", 1):
                initial = self.initial(left)
            elif self.token.kind == "name":
                reductions.append(self.reduction())
            else:
                raise self.stray()
        if self.token.kind == "comment":
            self.line()
        doc = self.draft.take_comments()
        return Einsum(left.tensor, left.indices, expression, tuple(reductions), where, initial, doc, word.span)

    def stray(self) -> CascadeError:
        return refusal(
            f"expected an operator, a reduction such as 'sum e', 'where' or the end of the line, "
            f"found {self.token.shown}",
            self.token,
        )

    def reduction(self) -> Reduction:
        word = self.advance()
        if self.token.kind != "name":
            raise refusal(
                f"expected the index that {word.text!r} reduces, as in 'sum e', found {self.token.shown}", word
            )
        indices = [self.variable()]
        while self.accept(","):
            indices.append(self.variable())
        return Reduction(word.text, tuple(indices), word.span)

    def variable(self) -> Var:
        word = self.name("an index such as 'm'")
        return Var(word.text, word.span)

    def initial(self, left: Access) -> Expr:
        access = self.access(self.advance())
        if access.tensor != left.tensor:
            raise refusal(
                f"an operator is missing before {access.tensor!r}; here only the start value may follow, "
                f"as in '{left.tensor}[0] = 0'",
                access,
            )
        if not any(index == Number(0) for index in access.indices):
            raise refusal(f"the start value is that of generation 0: write '{left.tensor}[0] = ...'", access)
        if not any(pair and pair[1] == 1 for pair in map(shifted, left.indices)):
            raise refusal(
                f"{left.tensor} has a start value but no iterative rank: write '{left.tensor}[i+1, ...]'", access
            )
        self.expect("=", "after the generation of the start value")
        return self.expression()
