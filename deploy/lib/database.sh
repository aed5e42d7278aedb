# shellcheck shell=bash
# A database for a hub in a private cluster of deploy/lib/postgres.sh (source that first; `root` is
# the tree).
#
#   database_make DIR NAME             the three roles, and the database if it is missing
#   database_conninfo DIR NAME ROLE    how ROLE reaches it

database_make() {
    local found
    pg_sql "$1" postgres -f "$root/deploy/roles.sql" >/dev/null
    found=$(pg_sql "$1" postgres -At -c "SELECT 1 FROM pg_database WHERE datname = '$2'")
    [ "$found" = 1 ] ||
        pg_sql "$1" postgres -c "CREATE DATABASE $2 OWNER causeway_owner TEMPLATE template0"
}

database_conninfo() {
    echo "host=$(pg_socket_dir "$(pg_absolute "$1")") port=5432 dbname=$2 user=$3"
}
