"""C++ text as the rules see it: comments and literals blanked, braces classified, functions and types found.

This is no parser. It knows enough of the language for code that clang-format has laid out, and every rule built on it
has a passing and a violating sample in tidy_test.py.
"""

import re
from dataclasses import dataclass, field

_LITERALS = re.compile(
    r"""(?P<number>\b\d[\w.']*)"""
    r"""|(?P<comment>//[^\n]*|/\*.*?\*/)"""
    r"""|(?P<raw>\bR"(?P<mark>[^\s()\\]{0,16})\(.*?\)(?P=mark)")"""
    r"""|(?P<text>"(?:\\.|[^"\\\n])*")"""
    r"""|(?P<char>'(?:\\.|[^'\\\n])+')""",
    re.DOTALL,
)
_NOT_NEWLINE = re.compile(r"[^\n]")
_CONTROL = re.compile(r"^(?:else\b\s*)?(?:if|for|while|switch|do|else|try|catch)\b")
_TYPE_HEAD = re.compile(r"^(?:class|struct|union|enum)\b")
_ATTRIBUTES = re.compile(r"\[\[.*?\]\]|\balignas\s*\([^()]*\)", re.DOTALL)
_INITIALISER = re.compile(r"=[^()=]*$|\breturn\b[^()]*$")


@dataclass
class Function:
    """One function with a body, or a declaration (then `end` is `start`)."""

    name: str
    start: int
    end: int
    parameters: int
    deepest: int = 0


@dataclass
class Type:
    name: str
    line: int
    public: bool
    methods: set = field(default_factory=set)


@dataclass
class _Scope:
    kind: str  # file, namespace, type, function, control, other
    function: Function = None
    type: Type = None


def blank_literals(text):
    """The text with comments and the inside of literals as spaces; positions and line breaks stay."""

    def blank(match):
        found = match.group()
        if match.lastgroup == "number":
            return found.replace("'", "_")
        if match.group("comment") is not None:
            return _NOT_NEWLINE.sub(" ", found)
        if len(found) < 2:
            return found
        return found[0] + _NOT_NEWLINE.sub(" ", found[1:-1]) + found[-1]

    return _LITERALS.sub(blank, text)


def without_template(head):
    """A declaration without its leading `template <...>` clauses and attributes."""
    head = _ATTRIBUTES.sub(" ", head).strip()
    while head.startswith("template"):
        depth = 0
        for index, letter in enumerate(head):
            depth += {"<": 1, ">": -1}.get(letter, 0)
            if letter == ">" and depth == 0:
                head = head[index + 1 :].strip()
                break
        else:
            return head
    return head


def signature(head):
    """(name, number of parameters) of a function's head, or None where it is no function."""
    head = without_template(head)
    match = re.search(r"((?:[\w:~<>]+::)?(?:operator\s*(?:\(\s*\)|[^\w\s(]+|\s[\w:&*\s]+)|~?\w+))\s*\(", head)
    if not match or _CONTROL.match(head) or match.group(1) in ("decltype", "static_assert", "noexcept"):
        return None
    return match.group(1), count_arguments(head[match.end() :])


def count_arguments(text):
    """The number of parameters in `int a, std::map<int, int> b) const`."""
    depth = 0
    commas = 0
    content = False
    for letter in text:
        if letter in "([{<":
            depth += 1
        elif letter in ")]}>":
            if letter == ")" and depth <= 0:
                break
            depth = max(0, depth - 1)
        elif letter == "," and depth == 0:
            commas += 1
        content = content or not letter.isspace()
    return commas + 1 if content else 0


def raw_text_lines(text):
    """The numbers of the lines in which a raw string literal stands."""
    numbers = set()
    for match in _LITERALS.finditer(text):
        if match.group("raw") is not None:
            first = text.count("\n", 0, match.start()) + 1
            numbers.update(range(first, first + match.group().count("\n") + 1))
    return numbers


class Source:
    """One C++ file: `lines`, `code` (literals blanked), `functions` and `types`."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.split("\n")
        self.code = blank_literals(text)
        self.code_lines = self.code.split("\n")
        self.functions = []
        self.types = []
        self._scan()

    def line_of(self, position):
        return self.code.count("\n", 0, position) + 1

    def _scan(self):
        code = re.sub(r"(?m)^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", lambda m: _NOT_NEWLINE.sub(" ", m.group()), self.code)
        closers = _match_braces(code)
        self._scopes = [_Scope("file")]
        head_start = 0
        parens = 0
        saved = []
        for match in re.finditer(r"[{}();]|\b(?:public|private|protected)\s*:(?!:)", code):
            token, at = match.group(), match.start()
            if token == "(":
                parens += 1
            elif token == ")":
                parens -= 1
            elif token == "{":
                if self._is_member_initialiser(code, head_start, at, closers):
                    self._scopes.append(_Scope("keep"))
                    continue
                saved.append((parens, head_start))
                self._open(code, head_start, at, inside=parens > 0)
                parens, head_start = 0, at + 1
            elif token == "}" and len(self._scopes) > 1:
                scope = self._scopes.pop()
                if scope.kind == "keep":
                    continue
                parens, head_start = saved.pop()
                if parens == 0 and scope.kind != "other":
                    head_start = at + 1
                if scope.kind == "function":
                    scope.function.end = self.line_of(at)
            elif token == ";" and parens == 0:
                self._declare(code[head_start:at], head_start)
                head_start = at + 1
            elif token[0] == "p" and self._scopes[-1].kind == "type":
                self._scopes[-1].type.public = token.startswith("public")
                head_start = match.end()

    def _is_member_initialiser(self, code, head_start, at, closers):
        """`: a_{1}, b_{2} {`: the braces before the body belong to the constructor's head."""
        if self._scopes[-1].kind not in ("file", "namespace", "type"):
            return False
        if not re.search(r"\)\s*(?:noexcept\s*)?:(?!:)", code[head_start:at]):
            return False
        after = code[closers.get(at, at) + 1 :].lstrip()[:1]
        return after in (",", "{")

    def _open(self, code, head_start, at, inside):
        raw = code[head_start:at]
        head = without_template(raw)
        outer = self._scopes[-1]
        function = outer.function
        if inside or function:
            control = not inside and bool(_CONTROL.match(head))
            scope = _Scope("control" if control else "other", function)
            if function and control:
                depth = 1 + sum(1 for s in self._scopes if s.kind == "control" and s.function is function)
                function.deepest = max(function.deepest, depth)
        elif re.match(r"(?:inline\s+)?namespace\b|extern\s+\"", head):
            scope = _Scope("namespace")
        elif _TYPE_HEAD.match(head) and "(" not in head:
            name = re.match(r"\w+(?:\s+class)?\s+([\w:]+)?", head)
            found = Type(name.group(1) if name and name.group(1) else "?", self.line_of(at), not head.startswith("class"))
            self.types.append(found)
            scope = _Scope("type", None, found)
        elif "(" in head and not _INITIALISER.search(re.sub(r"operator\s*[^\w\s(]+", "operator", head)):
            scope = self._open_function(raw, head_start, outer)
        else:
            scope = _Scope("other")
        self._scopes.append(scope)

    def _open_function(self, raw, head_start, outer):
        start = self.line_of(head_start + len(raw) - len(raw.lstrip()))
        name, parameters = signature(raw) or ("?", 0)
        function = Function(name, start, start, parameters)
        self.functions.append(function)
        self._note_method(outer, name)
        return _Scope("function", function)

    def _declare(self, raw, head_start):
        outer = self._scopes[-1]
        if outer.kind not in ("file", "namespace", "type") or outer.function:
            return
        head = without_template(raw)
        if "(" not in head or head.startswith(("using", "typedef", "friend", "static_assert")):
            return
        if re.search(r"=(?!\s*(?:0|default|delete)\s*$)", head.split("(")[0].replace("operator", "")):
            return
        found = signature(raw)
        if not found:
            return
        line = self.line_of(head_start + len(raw) - len(raw.lstrip()))
        self.functions.append(Function(found[0], line, line, found[1]))
        if not re.search(r"=\s*(default|delete)\s*$", head):
            self._note_method(outer, found[0])

    @staticmethod
    def _note_method(outer, name):
        if outer.kind == "type" and outer.type.public and not name.startswith(("~", "operator")):
            if name != outer.type.name:
                outer.type.methods.add(name)


def _match_braces(code):
    stack, closers = [], {}
    for match in re.finditer(r"[{}]", code):
        if match.group() == "{":
            stack.append(match.start())
        elif stack:
            closers[stack.pop()] = match.start()
    return closers
