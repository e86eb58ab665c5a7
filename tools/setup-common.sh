# What the set-up scripts share; they source it. Bash, no side effect but what stands below.
#
#   wireway_root   the checkout
#   wireway_cache  what is fetched or built once, outside the checkout (docs/adr/0010 says why)

wireway_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
wireway_cache=${WIREWAY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wireway}

trap 'say "error: line $LINENO failed unexpectedly: $BASH_COMMAND"' ERR

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }

# Ends the script with one line: the thing, the place, the remedy.
fail() {
  say "error: $*"
  exit 1
}

# Two set-ups at the same time wait for each other. The lock ends with the process that holds it.
lock_cache() {
  mkdir -p "$wireway_cache" || fail "cannot create $wireway_cache: set WIREWAY_CACHE to a folder you may write"
  exec 9>"$wireway_cache/.lock" || fail "cannot write $wireway_cache: set WIREWAY_CACHE to a folder you may write"
  flock 9
}

# Runs a command quietly; its output is shown only when it fails. quietly LOGFILE COMMAND...
quietly() {
  local log=$1
  shift
  if ! "$@" >>"$log" 2>&1 9>&-; then
    if [ "$(wc -l <"$log")" -gt 60 ]; then head -n 20 "$log" >&2; echo '[...]' >&2; fi
    tail -n 40 "$log" >&2
    return 1
  fi
}

# Puts the Node.js and npm that tools/setup-node provides first on PATH.
use_node() {
  local folder
  folder=$("$wireway_root/tools/setup-node" --find) || fail "Node.js is missing: run tools/setup build"
  case ":$PATH:" in *":$folder:"*) ;; *) export PATH=$folder:$PATH ;; esac
}
