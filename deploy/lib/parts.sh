# shellcheck shell=bash
# Runs the parts of a test run one after the other and adds up what they report. Source it after
# setting `root` (the tree) and `work` (a directory of ours for logs). Descriptor 8 is the lock of
# the run: what a part leaves behind must not hold it.
#
#   part NAME COMMAND...        a program that ends with 'N passed, N failed, N skipped', or whose
#                               exit status alone says one pass or one failure
#   part_junit NAME COMMAND...  one that writes its results to $JUNIT (ctest, pytest)
#   step NAME COMMAND...        work that counts only when it fails, such as a build
#   skip_part NAME WHY
#   total                       the closing line; status 1 when anything failed
#
# One part runs at a time, in a process group of its own, so that an interrupted run can end it.

passed=0 failed=0 skipped=0
failures=()
current=
PART_SECONDS=${PART_SECONDS:-900}

logs=$work/logs
mkdir -p "$logs"

note() { printf '%s\n' "$*"; }

# Runs COMMAND with its output in LOG; a signal to us ends it.
run_logged() {
    local log=$1 status
    shift
    timeout --kill-after=20 "$PART_SECONDS" "$@" >"$log" 2>&1 </dev/null 8>&- &
    current=$!
    wait "$current"
    status=$?
    current=
    [ "$status" != 124 ] || echo "stopped after $PART_SECONDS seconds" >>"$log"
    return "$status"
}

stop_current() {
    [ -z "$current" ] || kill "$current" 2>/dev/null || true
}

show_failure() {
    local name=$1 log=$2
    note "---- $name failed; the end of ${log#"$root"/}:"
    tail -n "${SHOW_LINES:-60}" "$log" | sed 's/^/  | /'
    note "----"
}

# add NAME LOG SECONDS KIND FILE STATUS: reads the counts and tells them.
add() {
    local name=$1 log=$2 seconds=$3 p f s
    shift 3
    if ! read -r p f s < <(/usr/bin/python3 "$root/deploy/lib/counts.py" "$@" "$log.names"); then
        p=0 f=1 s=0 # what cannot be counted has failed
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    printf '  %-28s %4d passed %3d failed %3d skipped  %4d s\n' "$name" "$p" "$f" "$s" "$seconds"
    [ ! -s "$log.names" ] || sed 's/^/      /' "$log.names"
    if [ "$f" -gt 0 ]; then
        failures+=("$name")
        show_failure "$name" "$log"
    fi
}

log_of() { echo "$logs/${1//[ \/]/-}.log"; }

part() {
    local name=$1 log status=0 begun=$SECONDS
    shift
    log=$(log_of "$name")
    run_logged "$log" "$@" || status=$?
    add "$name" "$log" $((SECONDS - begun)) text "$log" "$status"
}

part_junit() {
    local name=$1 log status=0 begun=$SECONDS
    shift
    log=$(log_of "$name")
    export JUNIT=$log.xml
    rm -f "$JUNIT"
    run_logged "$log" "$@" || status=$?
    add "$name" "$log" $((SECONDS - begun)) junit "$JUNIT" "$status"
}

step() {
    local name=$1 log begun=$SECONDS
    shift
    log=$(log_of "$name")
    if run_logged "$log" "$@"; then
        printf '  %-28s done %37s s\n' "$name" $((SECONDS - begun))
        return 0
    fi
    failed=$((failed + 1))
    failures+=("$name")
    show_failure "$name" "$log"
    return 1
}

skip_part() {
    skipped=$((skipped + 1))
    printf '  %-28s skipped: %s\n' "$1" "$2"
}

total() {
    [ ${#failures[@]} = 0 ] || note "failed: ${failures[*]}"
    note "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
}
