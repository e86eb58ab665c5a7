# What the tours share: run kubectl, and compare what comes back with what a user expects.
# shellcheck shell=bash

failed=0
passed=0

kubectl() { timeout 30 "$kubectl_bin" "$@"; }

# expect <pattern> <command...>: the command succeeds and its output matches the extended pattern.
expect() { check 0 "$@"; }
# refuse <pattern> <command...>: the command fails and its output matches.
refuse() { check 1 "$@"; }
check() {
  local wanted=$1 pattern=$2 output code
  shift 2
  output=$("$@" 2>&1)
  code=$?
  [ "$code" -ne 0 ] && code=1
  if [ "$code" -eq "$wanted" ] && grep -qE -- "$pattern" <<< "$output"; then
    passed=$((passed + 1))
    return
  fi
  failed=$((failed + 1))
  printf 'FAILED  %s\n  wanted exit %s and: %s\n  got exit %s:\n%s\n' "$*" "$wanted" "$pattern" \
    "$code" "$(sed 's/^/    /' <<< "$output")"
}

# until_seen <pattern> <file>: waits for a line to appear, at most 10 s.
until_seen() {
  for _ in $(seq 100); do
    grep -qE -- "$1" "$2" && return 0
    sleep 0.1
  done
  cat "$2"
  return 1
}

# Prints the counts and ends the tour.
finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
  exit
}
