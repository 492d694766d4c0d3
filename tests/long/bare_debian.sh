#!/usr/bin/env bash
# A bare Debian 12 with nothing but python3, python3-venv, make and ca-certificates: clones the committed tree into it,
# runs `make run`, measures from the last download to the `ready` line, asks a demo site from outside, runs `make test`.
# Needs root, mmdebstrap, git and a way to the package registries; the host's apt sources, pip configuration and
# certificates are used inside. KEEP=1 keeps the tree. MOST_SECONDS (60) is the bound of the measure.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ "${1:-}" = --short ]; then
    echo "skipped: takes minutes; run tests/long/bare_debian.sh"
    exit 0
fi
for tool in mmdebstrap git curl unshare; do
    command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 0; }
done
[ "$(id -u)" -eq 0 ] || { echo "skipped: needs root"; exit 0; }

tree=$(mktemp -d)
chmod 755 "$tree"
port=${PORT:-6587}
most=${MOST_SECONDS:-60}
server=
seconds=

main() {
    make_tree
    bring_pip_configuration
    git clone --quiet . "$tree/srv/pubsite"
    echo "commit $(git rev-parse --short HEAD), $(inside python3 --version), $(nproc) cores"
    download_packages
    serve
    ask_a_site
    stop
    inside make -C /srv/pubsite test
    [ "$seconds" -lt "$most" ] || { echo "ready after $seconds s, $most or more"; exit 1; }
}

make_tree() {
    local sources=()
    mapfile -t sources < <(grep -rlE 'debian(\.org|-security|/| )' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null |
        xargs -r -d '\n' grep -lw bookworm)
    mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,make,ca-certificates \
        bookworm "$tree" "${sources[@]}"
    install -m 644 /etc/resolv.conf "$tree/etc/resolv.conf"
}

# Whatever the host's pip needs to reach its packages: configuration files, PIP_* variables, certificates, local folders.
bring_pip_configuration() {
    local path
    mkdir -p "$tree$HOME"
    for path in $(python3 -m pip config debug 2>/dev/null | sed -n 's/^ *\(.*\), exists: True$/\1/p'); do
        bring "$path"
    done
    [ -z "${PIP_CONFIG_FILE:-}" ] || bring "$PIP_CONFIG_FILE"
    for path in $(python3 -m pip config list 2>/dev/null | grep -oE '(file://)?/[^ ,'"'"'"]+' | sed 's,^file://,,') \
        "${SSL_CERT_FILE:-}" "${REQUESTS_CA_BUNDLE:-}"; do
        # An index names its files by relative links, which lie beside it.
        case $path in */simple | */simple/) path=$(dirname "$path") ;; esac
        [ ! -e "$path" ] || bring "$path"
    done
}

# Files are copied, folders are bound in `enter`: they may be large.
folders=()
bring() {
    if [ -d "$1" ]; then
        mkdir -p "$tree$1"
        folders+=("$1")
    else
        install -D -m 644 "$(readlink -f "$1")" "$tree$1"
    fi
}

inside() {
    (enter "$@")
}

# Takes the place of the shell that calls it.
enter() {
    # shellcheck disable=SC2016
    exec unshare --mount bash -c '
        tree=$1 count=$2
        shift 2
        for folder in "${@:1:count}"; do
            mount --bind "$folder" "$tree$folder" && mount -o remount,bind,ro "$tree$folder"
        done
        mount -t proc proc "$tree/proc"
        mount --bind /dev "$tree/dev"
        exec chroot "$tree" "${@:count+1}"
    ' bash "$tree" ${#folders[@]} "${folders[@]}" env -i "${variables[@]}" "$@"
}
variables=("HOME=$HOME" LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin)
while IFS= read -r name; do
    variables+=("$name=${!name}")
done < <(compgen -e | grep -iE '^(PIP_|SSL_CERT_|REQUESTS_CA_BUNDLE$|(https?|no|all)_proxy$)' || true)

# Everything into pip's cache first, so that the measure is of the machine and not of the line.
download_packages() {
    local started=$SECONDS
    inside sh -ec 'python3 -m venv /tmp/warm
        cd /srv/pubsite
        /tmp/warm/bin/pip install --quiet --disable-pip-version-check --no-compile ".[test]"
        rm -rf /tmp/warm build ./*.egg-info' 2>"$tree/download.log" || { cat "$tree/download.log"; exit 1; }
    echo "downloaded in $((SECONDS - started)) s"
}

serve() {
    local log=$tree/run.log began ended
    began=$(date +%s%N)
    enter make -C /srv/pubsite run PORT="$port" DATA=/srv/data >"$log" 2>&1 &
    server=$!
    until grep -q "^ready http://localhost:$port\$" "$log"; do
        kill -0 $server 2>/dev/null || { cat "$log"; echo "make run ended before it was ready"; exit 1; }
        sleep 0.1
    done
    ended=$(date +%s%N)
    grep -v 'is ignored: it is neither' "$log"
    awk "BEGIN { printf \"from packages downloaded to ready: %.1f s\", ($ended - $began) / 1e9 }"
    echo " (load of the machine: $(cut -d ' ' -f 1 /proc/loadavg))"
    seconds=$(((ended - began) / 1000000000))
}

ask_a_site() {
    local url page
    url=$(grep -oE "http://[a-z0-9-]+\.localhost:$port/" "$tree/run.log" | head -n 1)
    [ -n "$url" ] || { echo "the demo names no site"; exit 1; }
    page=$(curl --silent --show-error --fail "$url")
    echo "$url: $(grep -oiE '<title>[^<]*' <<<"$page" | head -n 1 | cut -c8-), ${#page} characters"
}

stop() {
    [ -n "$server" ] || return 0
    kill -TERM "$server" 2>/dev/null || true # make hands it on to the server
    wait "$server" 2>/dev/null || true
    server=
}

finish() {
    stop
    if [ -n "${KEEP:-}" ]; then
        echo "kept: $tree"
    else
        rm -rf --one-file-system "$tree"
    fi
}
trap finish EXIT

main
