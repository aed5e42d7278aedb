# shellcheck shell=bash
# Private PostgreSQL clusters for quickstart, tests and benchmarks: under a directory of ours, on a
# Unix socket only, owned by an unprivileged user (the server refuses to run as root). No system
# service is touched. Source this file; it is safe under `set -eu`.
#
#   pg_start DIR [NAME=VALUE ...]   makes the cluster in DIR at the first use, applies the settings
#                                   (as in postgresql.conf), starts it if it does not run; prints
#                                   the conninfo of database postgres
#   pg_stop DIR [MODE]              smart, fast (default) or immediate
#   pg_running DIR
#   pg_create_database DIR DB       makes the database if it is missing; prints its conninfo
#   pg_conninfo DIR DB
#   pg_sql DIR DB [PSQL ARGUMENTS]  runs psql as the owner
#   pg_remove DIR                   stops it and deletes DIR
#
# fsync and full_page_writes are on unless a setting says otherwise. The conninfo names the role
# causeway_admin (superuser of this cluster, trusted by the socket, whose directory only we and the
# owner can enter).

PG_BIN=${PG_BIN:-$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)}
PG_ADMIN=causeway_admin

# The user that owns clusters: ourselves, or `postgres` when we are root.
pg_owner() {
    if [ "$(id -u)" -ne 0 ]; then
        id -un
        return
    fi
    id postgres >/dev/null 2>&1 || useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin postgres
    echo postgres
}

# Runs a command as the owner, in a directory that it can enter.
pg_as_owner() {
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
    else
        (cd / && setpriv --reuid="$(pg_owner)" --regid="$(id -g "$(pg_owner)")" --clear-groups \
            env -i PATH="$PATH" LC_ALL=C.UTF-8 "$@")
    fi
}

# A Unix socket's path is at most 107 bytes (unix(7)), and the server must be able to reach it: the
# socket lies in the cluster where both hold, else in a directory of its own, remembered beside the
# data.
pg_socket_dir() {
    local dir=$1
    if [ -f "$dir/socket-dir" ]; then
        cat "$dir/socket-dir"
    else
        echo "$dir/socket"
    fi
}

pg_make_socket_dir() {
    local dir=$1 socket
    if [ ! -f "$dir/socket-dir" ]; then
        socket=$dir/socket
        if [ $((${#socket} + ${#PG_SUFFIX})) -gt 107 ] || ! pg_as_owner test -x "$dir"; then
            socket=$(mktemp -d /tmp/causeway-pg.XXXXXX)
        fi
        echo "$socket" >"$dir/socket-dir"
    fi
    socket=$(cat "$dir/socket-dir")
    mkdir -p "$socket"
    chown "$(pg_owner)" "$socket"
    chmod 0700 "$socket"
}
PG_SUFFIX=/.s.PGSQL.5432.lock

# The owner must be able to pass through every directory above: where it cannot, the data lies in
# /var/tmp and DIR/data is a link to it.
pg_make_data_dir() {
    local dir=$1 place
    [ -e "$dir/data" ] && return
    if pg_as_owner test -x "$dir"; then
        place=$dir/data
        mkdir -p "$place"
    else
        place=$(mktemp -d /var/tmp/causeway-pg.XXXXXX)
        ln -s "$place" "$dir/data"
    fi
    chown "$(pg_owner)" "$place"
    chmod 0700 "$place"
}

pg_absolute() {
    mkdir -p "$1"
    (cd "$1" && pwd -P)
}

# The data directory as the owner reaches it.
pg_data() {
    readlink -f "$1/data"
}

pg_running() {
    [ -e "$1/data/PG_VERSION" ] &&
        pg_as_owner "$PG_BIN/pg_ctl" -D "$(pg_data "$1")" status >/dev/null 2>&1
}

pg_conninfo() {
    echo "host=$(pg_socket_dir "$(pg_absolute "$1")") port=5432 user=$PG_ADMIN dbname=$2"
}

pg_init() {
    local dir=$1
    [ -n "$PG_BIN" ] || { echo "postgres.sh: no PostgreSQL server in /usr/lib/postgresql" >&2; return 1; }
    pg_make_data_dir "$dir"
    if [ ! -e "$dir/data/PG_VERSION" ]; then
        pg_as_owner "$PG_BIN/initdb" -D "$(pg_data "$dir")" --username="$PG_ADMIN" --auth=trust \
            --encoding=UTF8 --locale=C.UTF-8 --data-checksums >"$dir/initdb.log" 2>&1 ||
            { cat "$dir/initdb.log" >&2; return 1; }
        echo "include_if_exists 'causeway.conf'" |
            pg_as_owner tee -a "$(pg_data "$dir")/postgresql.conf" >/dev/null
    fi
    pg_make_socket_dir "$dir"
}

pg_settings() {
    local dir=$1 setting
    shift
    {
        echo "listen_addresses = ''"
        echo "port = 5432"
        echo "unix_socket_directories = '$(pg_socket_dir "$dir")'"
        echo "unix_socket_permissions = 0700"
        echo "logging_collector = off"
        for setting in "$@"; do
            echo "${setting%%=*} = '${setting#*=}'"
        done
    } | pg_as_owner tee "$(pg_data "$dir")/causeway.conf" >/dev/null
}

pg_start() {
    local dir
    dir=$(pg_absolute "$1")
    shift
    pg_init "$dir" || return 1
    if ! pg_running "$dir"; then
        pg_settings "$dir" "$@"
        pg_as_owner "$PG_BIN/pg_ctl" -D "$(pg_data "$dir")" -l "$(pg_data "$dir")/server.log" -w -t 60 \
            start >/dev/null || { tail -n 20 "$(pg_data "$dir")/server.log" >&2; return 1; }
    fi
    pg_conninfo "$dir" postgres
}

pg_stop() {
    local dir
    dir=$(pg_absolute "$1")
    if pg_running "$dir"; then
        pg_as_owner "$PG_BIN/pg_ctl" -D "$(pg_data "$dir")" -m "${2:-fast}" -w -t 60 stop >/dev/null
    fi
}

pg_sql() {
    local dir db=$2
    dir=$(pg_absolute "$1")
    shift 2
    psql -X -q -v ON_ERROR_STOP=1 -d "$(pg_conninfo "$dir" "$db")" "$@"
}

pg_create_database() {
    local found
    found=$(pg_sql "$1" postgres -At -c "SELECT 1 FROM pg_database WHERE datname = '$2'")
    [ "$found" = 1 ] || pg_sql "$1" postgres -c "CREATE DATABASE \"$2\""
    pg_conninfo "$1" "$2"
}

pg_remove() {
    local dir
    dir=$(pg_absolute "$1")
    pg_stop "$dir" immediate
    [ -L "$dir/data" ] && rm -rf "$(pg_data "$dir")"
    case $(pg_socket_dir "$dir") in
    /tmp/causeway-pg.*) rm -rf "$(pg_socket_dir "$dir")" ;;
    esac
    rm -rf "$dir"
}
