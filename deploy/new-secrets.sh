#!/bin/sh
# Creates the secrets of a new installation in ./secrets: Redis' password and users, Flower's name and password, and the
# service's password at the DICOM receiver.
# Only the owner can enter that folder; its files are mounted into the containers one by one.
set -eu
cd "$(dirname "$0")/.."
if [ -e secrets ]; then
    echo "The folder secrets already exists. Move it away to create new ones; the services must then be restarted." >&2
    exit 1
fi
random() { head -c 24 /dev/urandom | base64 | tr '+/' '-_'; }

umask 077
mkdir secrets
password=$(random)
sha256=$(printf %s "$password" | sha256sum | cut -d ' ' -f 1)
printf %s "$password" >secrets/redis_password
sed "s/PASSWORD_SHA256/$sha256/" deploy/redis/users.acl.in >secrets/redis_users
printf 'monitor:%s' "$(random)" >secrets/flower_login
random | tr -d '=' >secrets/receiver_password
chmod 444 secrets/*
echo "Created secrets/: redis_password, redis_users, flower_login, receiver_password. Flower's name and password: $(cat secrets/flower_login)"
