"""Reading tokens into expressions, indices and conditions, by recursive descent."""

from attnscope.einsum_cascade.expressions import Access, Call, Expr, Number, Size, Var
from attnscope.einsum_cascade.operators import COMPARISONS
from attnscope.einsum_cascade.spans import Source, Span, refusal
from attnscope.einsum_cascade.tokens import Token, tokenize

SUMS = {"+": "add", "-": "sub"}
PRODUCTS = {"*": "mul", "/": "div", "//": "floordiv", "%": "mod"}
COMPARED = {sign: name for name, sign in COMPARISONS.items()}


class SyntaxReader:
    """A cursor over the tokens of a text that knows how expressions are written."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.tokens = list(tokenize(source))
        self.at = 0

    # ---- tokens

    @property
    def token(self) -> Token:
        """The token at hand."""
        return self.tokens[self.at]

    def peek(self, text: str, ahead: int = 0) -> bool:
        """Return whether a word or sign stands here, or further on."""
        at = min(self.at + ahead, len(self.tokens) - 1)
        return self.tokens[at].text == text and self.tokens[at].kind in ("name", "sign")

    def advance(self) -> Token:
        """Step over a token and return it."""
        self.at += 1
        return self.tokens[self.at - 1]

    def accept(self, text: str) -> bool:
        """Step over a word or sign if it stands here."""
        found = self.peek(text)
        self.at += found
        return found

    def expect(self, text: str, why: str) -> Token:
        """Step over a word or sign, or refuse what stands instead."""
        if not self.peek(text):
            raise refusal(f"expected {text!r} {why}, found {self.token.shown}", self.token)
        return self.advance()

    def name(self, what: str) -> Token:
        """Step over a name, or refuse what stands instead."""
        if self.token.kind != "name":
            raise refusal(f"expected {what}, found {self.token.shown}", self.token)
        return self.advance()

    def at_end(self) -> bool:
        """Return whether the statement is over."""
        return self.token.kind in ("newline", "end", "comment")

    # ---- expressions

    def conditions(self) -> tuple[Expr, ...]:
        """Read conditions joined by commas or 'and'."""
        found = list(self.condition())
        while self.accept(",") or self.accept("and"):
            found += self.condition()
        return tuple(found)

    def condition(self) -> list[Expr]:
        """Read ``a or b`` as one condition, and a chain without ``or`` as several."""
        found = self.comparison()
        while self.peek("or"):
            sign, right = self.advance(), self.comparison()
            if len(found) > 1 or len(right) > 1:
                raise refusal("'or' joins single comparisons: write '0 <= x' and 'x < w' apart", sign)
            found = [Call("or", (found[0], right[0]), sign.span)]
        return found

    def comparison(self) -> list[Expr]:
        """Read ``0 <= p - m < W`` as two comparisons; a lone expression holds where it is not zero."""
        parts, signs = [self.expression()], []
        while self.token.text in COMPARED:
            signs.append(self.advance())
            parts.append(self.expression())
        pairs = zip(parts, signs, parts[1:], strict=False)
        return [Call(COMPARED[sign.text], (a, b), sign.span) for a, sign, b in pairs] or parts

    def expression(self) -> Expr:
        """Read sums."""
        left = self.product()
        while self.token.text in SUMS and self.token.kind == "sign":
            sign = self.advance()
            left = Call(SUMS[sign.text], (left, self.product()), sign.span)
        return left

    def product(self) -> Expr:
        """Read products."""
        left = self.signed()
        while self.token.text in PRODUCTS and self.token.kind == "sign":
            sign = self.advance()
            left = Call(PRODUCTS[sign.text], (left, self.signed()), sign.span)
        return left

    def signed(self) -> Expr:
        """Read a sign."""
        sign = self.token
        if not self.accept("-"):
            return self.power()
        inner = self.signed()
        return Number(-inner.value, sign.span) if isinstance(inner, Number) else Call("neg", (inner,), sign.span)

    def power(self) -> Expr:
        """Read a power."""
        base, sign = self.primary(), self.token
        return Call("pow", (base, self.signed()), sign.span) if self.accept("**") else base

    def primary(self) -> Expr:
        """Read a number, a parenthesis, or what starts with a name."""
        token = self.token
        if token.kind == "number":
            self.advance()
            value = float(token.text)
            return Number(int(value) if value.is_integer() else value, token.span)
        if self.accept("("):
            inner = self.expression()
            self.expect(")", f"to close the '(' of line {token.span.line}, column {token.span.column}")
            return inner
        if token.kind != "name":
            raise refusal(f"expected a tensor, a number, a function or '(', found {token.shown}", token)
        return self.named(self.advance())

    def named(self, word: Token) -> Expr:
        """Read a tensor, a function, a rank or an index."""
        if self.peek("["):
            return self.access(word)
        if self.accept("("):
            return self.call(word)
        if word.text == "inf":
            return Number(float("inf"), word.span)
        if word.text[0].isupper():
            return Size(word.text, word.span)
        return Var(word.text, word.span)

    def access(self, word: Token) -> Access:
        """Read a tensor's indices."""
        opening = self.expect("[", f"after {word.text!r}")
        indices: list[Expr] = []
        while not self.peek("]"):
            if indices:
                self.expect_in_indices(opening.span)
            indices.append(self.expression())
        self.advance()
        return Access(word.text, tuple(indices), word.span)

    def expect_in_indices(self, opening: Span) -> None:
        """Step over a comma between indices."""
        if not self.accept(","):
            raise refusal(
                f"expected ',' or ']' to close the '[' of column {opening.column}, found {self.token.shown}", self.token
            )

    def call(self, word: Token) -> Expr:
        """Read a function's operands."""
        args = [self.expression()]
        while self.accept(","):
            args.append(self.expression())
        self.expect(")", f"to close {word.text}(")
        if word.text in ("max", "min") and len(args) > 2:
            folded = args[0]
            for arg in args[1:]:
                folded = Call(word.text, (folded, arg), word.span)
            return folded
        return Call(word.text, tuple(args), word.span)
