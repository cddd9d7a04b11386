#!/bin/sh
# Changes Redis' password while the service runs: begin adds a new one, end removes the old one. Neither is printed.
# Flower's password is in another file, secrets/flower_login, and does not change.
#   deploy/change-redis-password.sh begin;  docker compose restart redis
#   docker compose restart watcher worker sheets console flower
#   deploy/change-redis-password.sh end;    docker compose restart redis
# Files keep their inodes, because containers mount each of them individually.
set -eu
cd "$(dirname "$0")/.."
[ -f secrets/redis_password ] || { echo "secrets/redis_password does not exist: deploy/new-secrets.sh creates it." >&2; exit 1; }

hash_of() { printf %s "$1" | sha256sum | cut -d ' ' -f 1; }
into() { chmod u+w "$1"; cat >"$1"; chmod 444 "$1"; }
users() { sed "s/#PASSWORD_SHA256/$1/" deploy/redis/users.acl.in | into secrets/redis_users; }

umask 077
now=$(cat secrets/redis_password)
case ${1:-} in
begin)
    if grep -q '#[0-9a-f]* #[0-9a-f]' secrets/redis_users; then
        echo "A change is already in progress: end it first." >&2
        exit 1
    fi
    new=$(head -c 24 /dev/urandom | base64 | tr '+/' '-_')
    users "#$(hash_of "$new") #$(hash_of "$now")"
    printf %s "$new" | into secrets/redis_password
    echo "Both passwords are valid after Redis is restarted. Then restart the services, and run: $0 end" ;;
end)
    users "#$(hash_of "$now")"
    echo "Only the new password is valid after Redis is restarted." ;;
*)
    echo "Usage: $0 begin|end" >&2
    exit 2 ;;
esac
