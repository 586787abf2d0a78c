#!/usr/bin/env bash
# Starts a private PostgreSQL for one nextest run and tells the tests where it is. A watcher stops
# it and takes its files away when nextest's process is gone, however that came about.
set -euo pipefail

runner=$PPID

fail() {
    echo "PostgreSQL for the tests: $1" >&2
    exit 1
}

# An already running server may be used instead.
if [ -n "${GATEWAY_TEST_POSTGRES_URL:-}" ]; then
    echo "GATEWAY_TEST_POSTGRES_URL=$GATEWAY_TEST_POSTGRES_URL" >>"$NEXTEST_ENV"
    exit 0
fi

find_bin() {
    if command -v initdb >/dev/null; then
        dirname "$(readlink -f "$(command -v initdb)")"
        return
    fi
    # Debian keeps the programs of each version out of the path.
    ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin \
        /usr/local/opt/postgresql*/bin 2>/dev/null | sort -V | tail -n 1
}

bin=$(find_bin || true)
[ -n "$bin" ] && [ -x "$bin/initdb" ] || fail "not installed (on Debian: apt-get install postgresql)"

dir=$(mktemp -d "${TMPDIR:-/tmp}/gateway-pg.XXXXXX")
chmod 755 "$dir"

# PostgreSQL refuses to run as root.
as_owner() { "$@"; }
if [ "$(id -u)" = 0 ]; then
    id postgres >/dev/null 2>&1 || fail "runs as root here and there is no user postgres to run it as"
    chown postgres "$dir"
    as_owner() { (cd / && exec runuser -u postgres -- "$@"); }
fi

# A locale that doesn't sort by bytes, so that a test notices where that matters.
locale=()
case "$("$bin/initdb" --help)" in
*--locale-provider*) locale=(--locale-provider=icu --icu-locale=en-US --locale=C.UTF-8) ;;
esac
as_owner "$bin/initdb" -D "$dir/data" -U postgres --auth=trust --no-sync -E UTF8 "${locale[@]}" \
    >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; rm -rf "$dir"; fail "initdb failed"; }

options="-c listen_addresses='' -c unix_socket_directories='$dir' -c fsync=off -c full_page_writes=off"
options="$options -c max_connections=400 -c shared_buffers=64MB"
as_owner "$bin/pg_ctl" -D "$dir/data" -l "$dir/data/server.log" -w -t 30 -o "$options" start \
    </dev/null >/dev/null 2>&1 || { cat "$dir/data/server.log" >&2 || true; rm -rf "$dir"; fail "did not start"; }

watch() {
    while kill -0 "$runner" 2>/dev/null; do sleep 0.5; done
    as_owner "$bin/pg_ctl" -D "$dir/data" -m immediate stop
    rm -rf "$dir"
}
export -f watch as_owner
export runner bin dir
setsid nohup bash -c watch </dev/null >/dev/null 2>&1 &

echo "GATEWAY_TEST_POSTGRES_URL=postgres://postgres@localhost/postgres?host=$dir" >>"$NEXTEST_ENV"
