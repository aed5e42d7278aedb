# shellcheck shell=bash
# A bare Debian 12 in a directory, to try things in. Needs root. Packages come from wherever this
# machine's apt gets them: its configuration is copied into the tree when it is made.
#
#   tree_make DIR               debootstrap, variant minbase
#   tree_run DIR COMMAND...     runs COMMAND in it with /proc and /dev; whatever it leaves running
#                               ends with it. $TREE_DATA, if set, is mounted read-only at
#                               /root/shared/data

# The mirror that this machine's apt uses for Debian itself; empty where apt knows none, and
# debootstrap then takes its own.
tree_mirror() {
    apt-get indextargets --format '$(SITE) $(REPO_URI) $(CODENAME)' 'Origin: Debian' 2>/dev/null |
        awk '$3 == "bookworm" { print $2; exit }'
}

tree_make() {
    local dir=$1
    mkdir -p "${dir%/*}"
    debootstrap --variant=minbase --include=ca-certificates bookworm "$dir" $(tree_mirror) || return 1
    rm -rf "$dir/etc/apt"
    cp -a /etc/apt "$dir/etc/apt"
    cp -L /etc/resolv.conf /etc/hosts "$dir/etc/"
    cp -a /usr/share/keyrings/. "$dir/usr/share/keyrings/"
    cp -a /usr/local/share/ca-certificates/. "$dir/usr/local/share/ca-certificates/" 2>/dev/null || true
    # Services must not start by themselves: there is no init in the tree.
    printf '#!/bin/sh\nexit 101\n' >"$dir/usr/sbin/policy-rc.d"
    chmod 755 "$dir/usr/sbin/policy-rc.d"
    tree_run "$dir" sh -c 'update-ca-certificates && apt-get -qq update'
}

tree_run() {
    local dir=$1
    shift
    TREE_DATA=${TREE_DATA:-} unshare --mount --pid --fork --kill-child sh -euc '
        dir=$1
        shift
        mount -t proc proc "$dir/proc"
        mount --rbind /dev "$dir/dev"
        mount -t tmpfs tmpfs "$dir/dev/shm"
        if [ -n "$TREE_DATA" ]; then
            mkdir -p "$dir/root/shared/data"
            mount --bind -o ro "$TREE_DATA" "$dir/root/shared/data"
        fi
        exec chroot "$dir" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
    ' tree "$dir" "$@"
}
