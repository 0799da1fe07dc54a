# shellcheck shell=bash
# For tests that are shell scripts: checks that are named by what they hold, counted, and told at the end.

checks_passed=0 checks_failed=0

# "what holds" COMMAND…: it does if the command succeeds; else what the command said is shown.
check() {
  local what=$1 said
  shift
  if said=$("$@" 2>&1); then
    checks_passed=$((checks_passed + 1))
    echo "ok      $what"
  else
    checks_failed=$((checks_failed + 1))
    echo "FAILED  $what"
    # shellcheck disable=SC2001 # every line is indented, not the first alone
    sed 's/^/        /' <<<"$said"
  fi
}

# Whether standard input has this in it.
says() { grep -qF -- "$1" || { echo "not said: $1"; return 1; }; }
is() { [ "$1" = "$2" ] || { echo "is \"$1\", not \"$2\""; return 1; }; }
not() { ! "$@"; }

# Tells how many checks of these there were; fails if one of them did.
sum_up() {
  printf '\n%s: %s passed, %s failed\n' "$1" "$checks_passed" "$checks_failed"
  [ "$checks_failed" -eq 0 ]
}
