"""The floor table of docs/architecture.md: a folder includes lower floors only, never a sibling on its own."""

import re

FLOORS = {
    "base": 1,
    "net": 2,
    "wire": 2,
    "flow": 3,
    "link": 3,
    "resource": 4,
    "source": 5,
    "broker": 5,
    "dataflow": 5,
    "destination": 5,
    "control": 5,
    "app": 6,
}

# Folders whose sub-folders are components: they do not know each other either.
SEPARATE = ("source", "destination")

# What only net/ asks of the system; everything above gets it through Env.
_SYSTEM = re.compile(
    r"<(?:sys/(?:socket|epoll|eventfd|timerfd|signalfd|inotify|mman|un|uio|wait|ioctl)|netinet/\w+|arpa/inet|netdb|"
    r"poll|unistd|fcntl|signal|pthread|net/if)\.h>"
)
_INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"(?P<ours>[^"]+)"|(?P<system><[^>]+>))')


def folder_of(path):
    """The folder below src/ that a file belongs to: 'net' for 'src/net/os/loop.cpp'; '' outside src/."""
    parts = path.split("/")
    return parts[1] if parts[0] == "src" and len(parts) > 2 else ""


def component_of(path):
    """'opcua' for 'src/source/opcua/session.h'; '' for a file in the folder itself."""
    parts = path.split("/")
    return parts[2] if len(parts) > 3 else ""


def includes(lines):
    for number, line in enumerate(lines, 1):
        match = _INCLUDE.match(line)
        if match:
            yield number, match.group("ours"), match.group("system")


def check(source):
    """Yields (line, rule, message)."""
    folder = folder_of(source.path)
    if not folder:
        return
    if folder not in FLOORS:
        yield 1, "floor", f"src/{folder} has no floor: add it to the table in docs/architecture.md and in tools/tidy"
        return
    for line, ours, system in includes(source.lines):
        if ours:
            problem = _floor_problem(source.path, folder, ours)
            if problem:
                yield line, "floor", problem
        elif _SYSTEM.match(system) and folder not in ("base", "net", "app") and not source.path.endswith("_test.cpp"):
            yield line, "system", f"{system} above net/: what a service needs of the system comes through Env"


def _floor_problem(path, folder, ours):
    target = ours.split("/")[0]
    if "/" not in ours or target not in FLOORS:
        if target == "generated":
            return None
        return f'"{ours}": include our headers from src/, as in "base/result.h", and others with <>'
    if target == folder:
        mine, theirs = component_of(path), component_of("src/" + ours)
        if folder in SEPARATE and theirs and mine and mine != theirs:
            return f"{folder}/{mine} must not know {folder}/{theirs}: move what both need to a lower floor"
        return None
    if FLOORS[target] >= FLOORS[folder]:
        return f"{folder} (floor {FLOORS[folder]}) must not include {target} (floor {FLOORS[target]}): lower floors only"
    return None
