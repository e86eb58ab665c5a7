"""The rules. Each takes a Source (or a text) and yields Findings; tools/tidy runs them all."""

import json
import re
from dataclasses import dataclass

from tidylib import floors

FILE_LINES_MAX = 800
FILE_LINES_WANTED = 400
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 100
METHODS_WANTED = 12
PARAMETERS_MAX = 5
NESTING_WANTED = 3
README_LINES_MAX = 40

DATA_PLANE = ("broker", "dataflow", "wire", "net", "flow", "link", "source", "destination")
MESSAGE_PATH = ("broker", "dataflow", "wire", "net", "flow")


@dataclass
class Finding:
    path: str
    line: int
    rule: str
    message: str
    warning: bool = False


def is_test(path):
    return path.endswith("_test.cpp") or path.startswith("tests/")


def file_length(path, lines):
    count = len(lines) - (1 if lines and lines[-1] == "" else 0)
    if count > FILE_LINES_MAX:
        yield Finding(path, 1, "file-length", f"{count} lines, {FILE_LINES_MAX} at most: split it by idea")
    elif count > FILE_LINES_WANTED:
        yield Finding(path, 1, "file-length", f"{count} lines, {FILE_LINES_WANTED} wanted", warning=True)


def line_length(path, lines, raw=()):
    """`raw`: lines inside a raw string, whose text no line break may change."""
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_COLUMNS_MAX and "://" not in line and number not in raw:
            yield Finding(path, number, "line-length", f"{len(line)} columns, {LINE_COLUMNS_MAX} at most: make fmt")


def function_size(source):
    for f in source.functions:
        lines = f.end - f.start + 1
        if lines > FUNCTION_LINES_MAX:
            text = f"{f.name} has {lines} lines, {FUNCTION_LINES_MAX} at most: give its steps names"
            yield Finding(source.path, f.start, "function-length", text)
        if f.parameters > PARAMETERS_MAX:
            text = f"{f.name} takes {f.parameters} parameters, {PARAMETERS_MAX} at most: use an options struct"
            yield Finding(source.path, f.start, "parameters", text)
        if f.deepest > NESTING_WANTED:
            text = f"{f.name} nests {f.deepest} deep, {NESTING_WANTED} wanted: return early"
            yield Finding(source.path, f.start, "nesting", text, warning=True)


def class_size(source):
    for t in source.types:
        if len(t.methods) > METHODS_WANTED:
            text = f"{t.name} has {len(t.methods)} public methods, {METHODS_WANTED} wanted: two ideas in one class?"
            yield Finding(source.path, t.line, "class-size", text, warning=True)


def header_shape(source):
    if not source.path.endswith(".h"):
        return
    if "#pragma once" not in source.lines[:3]:
        yield Finding(source.path, 1, "pragma-once", "a header begins with '#pragma once'")
    comment = []
    for line in source.lines:
        if line.startswith("///"):
            comment.append(line[3:].strip())
        elif comment or line.strip() not in ("", "#pragma once"):
            break
    if len(" ".join(comment)) < 20:
        text = "the first thing in a header is a '///' paragraph: what it is and where it stands on the way"
        yield Finding(source.path, 1, "header-doc", text)


@dataclass
class Ban:
    rule: str
    pattern: str
    message: str
    only: tuple = ()  # folders of src/ that the rule is for; empty: all
    free: tuple = ()  # folders where it is allowed
    tests: bool = True


BANS = [
    Ban(
        "threads",
        r"\bstd::(?:j?thread\b(?!::hardware_concurrency)|(?:shared_|recursive_|timed_)?mutex\b|condition_variable|atomic|lock_guard\b|"
        r"unique_lock\b|scoped_lock\b|shared_lock\b|call_once\b|async\b|future\b|promise\b)",
        "no threads, locks or atomics above net/: post a task to the owner's loop",
        free=("base", "net"),
        tests=False,
    ),
    Ban("throw", r"\bthrow\b", "no exceptions on the data plane: return Result", only=DATA_PLANE, tests=False),
    Ban(
        "std-function",
        r"\bstd::function\b",
        "std::function allocates on the message path: std::move_only_function, a template or an interface",
        only=MESSAGE_PATH,
        tests=False,
    ),
    Ban("new-delete", r"(?<!operator )\bnew\b(?!\s*=)", "no bare new: std::make_unique or a value"),
    Ban("new-delete", r"(?<!= )(?<!=)(?<!operator )\bdelete\b", "no bare delete: give it an owner"),
    Ban("sleep", r"\b(?:sleep_for|sleep_until|u?sleep|nanosleep)\s*\(", "no sleeps: wait for a condition or set a timer",
        free=("base", "net")),
    Ban("wall-clock", r"\b(?:system_clock|high_resolution_clock)::now\b", "time comes from the loop: wall_now()",
        free=("base", "net")),
    Ban("shared-ptr", r"\bstd::(?:shared_ptr|make_shared|weak_ptr|enable_shared_from_this)\b",
        "one owner; where sharing is right, tools/tidy.allow says why", tests=False),
]


def banned(source):
    folder = floors.folder_of(source.path)
    for ban in BANS:
        if ban.only and folder not in ban.only or folder in ban.free:
            continue
        if not ban.tests and is_test(source.path):
            continue
        for number, line in enumerate(source.code_lines, 1):
            if re.search(ban.pattern, line) and not line.lstrip().startswith("#"):
                yield Finding(source.path, number, ban.rule, ban.message)


def coroutine_statements(source):
    """GCC 12 destroys twice what is created inside a co_await expression."""
    for match in re.finditer(r"\bco_await\b", source.code):
        expression = _rest_of_expression(source.code, match.end())
        line = source.line_of(match.start())
        if re.search(r"[{\[]", expression):
            text = "no braces and no '[' after co_await: name the aggregate or lambda on its own line first"
            yield Finding(source.path, line, "co-await", text)
        before = re.split(r"[;{}]", source.code[: match.start()])[-1]
        if re.search(r" (?:&&|\|\||\?) ", before + " " + expression):
            yield Finding(source.path, line, "co-await", "no co_await inside '?:', '&&' or '||': await first, then decide")


def _rest_of_expression(code, start):
    depth = 0
    for index in range(start, len(code)):
        letter = code[index]
        if letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
            if depth < 0:
                return code[start:index]
        elif letter == ";" and depth == 0:
            return code[start:index]
    return code[start:]


def unfinished(path, lines):
    for number, line in enumerate(lines, 1):
        match = re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line)
        if match and not re.search(r"#\d+", line):
            yield Finding(path, number, "todo", f"{match.group(1)} without the number of an issue: '#12'")


def machine_paths(path, lines):
    for number, line in enumerate(lines, 1):
        match = re.search(r"(?<![\w.$}/])/(?:work|root|home/[a-z]\w*|Users/\w+|tmp/\w+)/[\w.-]+", line)
        if match:
            text = f"'{match.group()}' is a path of one machine: take it from the environment or a temp folder"
            yield Finding(path, number, "machine-path", text)


def lock_file(path, lines):
    for number, line in enumerate(lines, 1):
        if re.search(r'"resolved":\s*"https?:', line):
            text = "a lock file names a registry's host: npm install with omit-lockfile-registry-resolved=true"
            yield Finding(path, number, "lock-host", text)
            return


def lock_complete(path, text):
    """`npm ci` refuses a lock file without the optional packages of other systems."""
    packages = json.loads(text).get("packages", {})
    present = {p.split("node_modules/")[-1] for p in packages}
    for entry in packages.values():
        for name in entry.get("optionalDependencies", {}):
            if name not in present:
                yield Finding(path, 1, "lock-complete", f"{name} is missing, npm ci will fail: tools/complete-lock {path}")
                return


def folder_readmes(files, read):
    """Every folder directly below src/ has a README.md of at most 40 lines."""
    folders = sorted({p.split("/")[1] for p in files if re.match(r"src/\w+/.*\.(?:h|cpp)$", p)})
    for folder in folders:
        if f"src/{folder}/README.md" not in files:
            text = "no README.md: what it is for, the way through it, what may enter, what it must never know"
            yield Finding(f"src/{folder}", 1, "readme", text)
    for path in files:
        if re.match(r"src/.*README\.md$", path):
            count = read(path).count("\n")
            if count > README_LINES_MAX:
                yield Finding(path, 1, "readme", f"{count} lines, {README_LINES_MAX} at most")
