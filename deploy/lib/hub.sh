# shellcheck shell=bash
# A hub of our own under a directory: configuration, keys, certificates, process. Source it after
# deploy/lib/postgres.sh, with `root` (the tree) and `causeway` (the program) set.
#
#   hub_make DIR CONNINFO    PKI, master key and causeway.conf, unless they are there
#   hub_start DIR            starts it and waits until it listens; hub_pid DIR tells its process
#   hub_stop DIR             lets it finish what is under way, and waits for it; the sealer too
#   sealer_start DIR         starts `causeway audit seal`, with a key made at the first time
#   hub_address DIR NAME     HOST:PORT of a listener, from the ready file
#
# Everything listens on 127.0.0.1: on the usual port where that is free, else on a free one.

HUB_STOP_SECONDS=40

# The process of hub.pid, or of another file, if that is still the program: the number may have gone to
# somebody else. A program that has been built anew since is called "... (deleted)".
hub_pid() {
    local pid exe
    pid=$(cat "$1/${2:-hub.pid}" 2>/dev/null) || return 1
    exe=$(readlink "/proc/$pid/exe" 2>/dev/null) || return 1
    [ "${exe% (deleted)}" = "$(readlink -f "$causeway")" ] && echo "$pid"
}

# The port if nothing listens on it, else 0: any free one.
hub_port() {
    if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
        echo 0
    else
        echo "$1"
    fi
}

hub_make() {
    local dir=$1 conninfo=$2
    mkdir -p "$dir/documents"
    "$root/deploy/pki" "$dir/pki" ca "Causeway quickstart CA"
    "$root/deploy/pki" "$dir/pki" hub localhost 127.0.0.1
    [ -e "$dir/master.key" ] || "$causeway" doctor --make-key "$dir/master.key"
    cat >"$dir/causeway.conf" <<TEXT
# Written by deploy/quickstart at each start. \`causeway serve --help-config\` explains every key.
# 2.999 is the arc of OIDs for examples: a real region uses its own.
home_community_id = 2.999.100
xad_authority = 2.999.100.1
repository_unique_id = 2.999.100.2

database = $conninfo
workers = 4

listen = 127.0.0.1:$(hub_port 8443)
mllp_listen = 127.0.0.1:$(hub_port 2575)
admin_listen = 127.0.0.1:$(hub_port 9090)

tls_certificate = $dir/pki/hub.crt
tls_key = $dir/pki/hub.key
tls_ca = $dir/pki/ca.crt
tls_crl = $dir/pki/ca.crl

store_dir = $dir/documents
master_key = $dir/master.key
checkpoint_key = $dir/checkpoint.key
TEXT
}

sealer_start() {
    local dir=$1
    [ -e "$dir/checkpoint.key" ] || "$causeway" audit key --config "$dir/causeway.conf" >/dev/null
    "$causeway" audit seal --config "$dir/causeway.conf" >>"$dir/sealer.log" 2>&1 </dev/null 8>&- &
    echo "$!" >"$dir/sealer.pid"
    disown "$!"
}

hub_start() {
    local dir=$1 tries=0 pid
    rm -f "$dir/ready.json"
    "$causeway" serve --config "$dir/causeway.conf" --ready-file "$dir/ready.json" \
        >>"$dir/hub.log" 2>&1 </dev/null 8>&- &
    pid=$!
    echo "$pid" >"$dir/hub.pid"
    disown "$pid"
    while [ ! -s "$dir/ready.json" ]; do
        if ! kill -0 "$pid" 2>/dev/null || [ $((tries += 1)) -gt 300 ]; then
            echo "the hub did not start; its log ends:" >&2
            tail -n 20 "$dir/hub.log" >&2
            return 1
        fi
        sleep 0.1
    done
}

hub_stop() {
    local dir=$1 pid tries=0
    if pid=$(hub_pid "$dir" sealer.pid); then
        kill -TERM "$pid"
    fi
    rm -f "$dir/sealer.pid"
    pid=$(hub_pid "$dir") || { rm -f "$dir/hub.pid"; return 0; }
    kill -TERM "$pid"
    while kill -0 "$pid" 2>/dev/null; do
        if [ $((tries += 1)) -gt $((HUB_STOP_SECONDS * 10)) ]; then
            echo "the hub (process $pid) does not stop; killing it" >&2
            kill -KILL "$pid"
        fi
        sleep 0.1
    done
    rm -f "$dir/hub.pid" "$dir/ready.json"
}

hub_address() {
    /usr/bin/python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' \
        "$1/ready.json" "$2"
}
