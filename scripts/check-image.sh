#!/usr/bin/env bash
# Runs Lintel inside an unpacked image as a container runtime does with --read-only and --cap-drop=ALL: nobody's user, no capability, no
# network but loopback, a root that cannot be written to, and a /tmp and a /dev/shm from which no code can be loaded. To be started by
# scripts/build-image.sh, in namespaces of its own.
#
#   check-image.sh ROOT
set -euo pipefail
root=$1

fail() {
  printf 'check-image: %s\n' "$*" >&2
  exit 1
}

mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
for folder in proc dev tmp; do [ -d "$root/$folder" ] || fail "the image has no /$folder"; done
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o mode=1777,nosuid,nodev,noexec,size=64m tmpfs "$root/tmp"
mount -t tmpfs -o mode=755,nosuid,size=1m tmpfs "$root/dev"
for device in null zero random urandom; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm"
mount -t tmpfs -o mode=1777,nosuid,nodev,noexec,size=64m tmpfs "$root/dev/shm"
ip link set lo up

inside() {
  setpriv --no-new-privs chroot --userspec=65532:65532 --groups=65532 "$root" env --ignore-environment PATH=/usr/local/bin:/usr/bin:/bin "$@"
}
# A role that goes on, and its log. Ends with these namespaces.
starts() {
  local name=$1
  shift
  inside lintel "$@" >"$root/tmp/$name.log" 2>&1 &
}
until_log_says() {
  for _ in $(seq 1 600); do
    grep -q "$2" "$root/tmp/$1.log" && return
    sleep 0.1
  done
  cat "$root/tmp/$1.log" >&2
  fail "the $1 did not say \"$2\""
}

inside lintel --version
inside sleep 0
for line in 'Uid:	65532	65532	65532	65532' 'CapEff:	0000000000000000' 'CapPrm:	0000000000000000' 'NoNewPrivs:	1'; do
  inside cat /proc/self/status | grep -q "^$line\$" || fail "expected of every process: $line"
done
for file in /usr/local/bin/lintel /etc/own /own; do
  if inside touch "$file" 2>/dev/null; then fail "$file can be written"; fi
done

# Each role alone, as in a cluster.
printf '{ http: { listen: "127.0.0.1:8080" }, languages: { json: { versions: [{ version: "1", weight: 1, workers: ["127.0.0.1:7070"] }] } } }\n' >"$root/tmp/lintel.yaml"
inside lintel check /tmp/lintel.yaml >/dev/null
starts linter linter json --as-version 1 --listen 127.0.0.1:7070
until_log_says linter listening
starts manager manager --listen 127.0.0.1:9900 --store file:/tmp/manager.json
until_log_says manager 'ready\|listening'
inside lintel admin status --manager 127.0.0.1:9900 >/dev/null
starts balancer balancer --link file:/tmp/lintel.yaml
until_log_says balancer 'balancer ready'
printf '{"a" 1}' >"$root/tmp/x.json"
report=$(inside lintel lint --url http://127.0.0.1:8080 /tmp/x.json) && fail "lintel lint found nothing wrong with a faulty file"
printf '%s\n' "$report" | grep -q ColonExpected || fail "lintel lint said: $report"

# All of them at once, and what analyses in each language.
starts up up --listen 127.0.0.1:8081 --admin 127.0.0.1:9902 --manager 127.0.0.1:9903
until_log_says up 'ready at'
printf 'import os\n' >"$root/tmp/x.py"
printf 'let a: any = 1;\n' >"$root/tmp/x.ts"
printf 'a { colr: red }\n' >"$root/tmp/x.css"
finds() {
  local said
  # A language is there when its worker is, which takes its time on a busy machine.
  for _ in $(seq 1 60); do
    said=$(inside lintel lint --url http://127.0.0.1:8081 "/tmp/$1" 2>&1) || true
    printf '%s\n' "$said" | grep -q "$2" && return
    sleep 1
  done
  fail "$1: expected $2, not: $said"
}
finds x.py F401
finds x.ts no-explicit-any
finds x.css property-no-unknown
printf 'every role ran as 65532 without a capability, with nothing to write to but /tmp\n'
