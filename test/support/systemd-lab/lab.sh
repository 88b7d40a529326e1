#!/bin/bash
# A real systemd for tests, without booting a machine: PID 1 of private namespaces over an overlay of this machine's root, with a network
# of its own. Needs root, and Debian's systemd and dbus.
#
#   lab.sh up STATE UNITS PROGRAM     boots; UNITS are the only units, PROGRAM (a checkout) is /opt/lintel, read-only
#   lab.sh in STATE COMMAND…          runs a command inside
#   lab.sh down STATE                 ends it; nothing is left behind
set -eu
here=$(dirname "$(readlink -f "$0")")
action=$1
state=$2
shift 2

first_process() { pgrep -P "$(cat "$state/boot.pid")" | head -n 1; }

case $action in
up)
  if [ ! -x /lib/systemd/systemd ] || [ ! -x /usr/bin/dbus-daemon ]; then
    echo "the lab needs Debian's systemd and dbus" >&2
    exit 2
  fi
  mkdir -p "$state"
  # Its processes get groups of their own, so that systemd inside does not take the machine's for its own.
  for hierarchy in /sys/fs/cgroup/*/; do mkdir "$hierarchy/lintel-lab-$$" 2>/dev/null || true; done
  echo "lintel-lab-$$" >"$state/group"
  # shellcheck disable=SC2016 # expanded inside
  setsid bash -c '
    for hierarchy in /sys/fs/cgroup/*/; do
      group=$hierarchy$1
      [ -d "$group" ] || continue
      if [ -f "$group/cpuset.cpus" ]; then cat "$hierarchy/cpuset.cpus" >"$group/cpuset.cpus"; cat "$hierarchy/cpuset.mems" >"$group/cpuset.mems"; fi
      [ -f "$group/cgroup.clone_children" ] && echo 1 >"$group/cgroup.clone_children"
      echo $$ >"$group/cgroup.procs" 2>/dev/null || true
    done
    shift
    exec unshare --fork --kill-child=SIGKILL --pid --mount --uts --ipc --net --cgroup --propagation private bash "$@"
  ' - "lintel-lab-$$" "$here/inside.sh" "$1" "$2" >"$state/boot.log" 2>&1 &
  echo $! >"$state/boot.pid"
  for _ in $(seq 1 300); do
    running=$("$0" in "$state" systemctl is-system-running 2>/dev/null || true)
    case $running in running | degraded) exit 0 ;; esac
    kill -0 "$(cat "$state/boot.pid")" 2>/dev/null || break
    sleep 0.1
  done
  echo "systemd did not come up:" >&2
  cat "$state/boot.log" >&2
  exit 1
  ;;
in)
  init=$(first_process)
  [ -n "$init" ] || { echo "no systemd runs in $state" >&2; exit 1; }
  exec nsenter -t "$init" -a env --chdir=/ "$@"
  ;;
down)
  [ -f "$state/boot.pid" ] || exit 0
  init=$(first_process)
  # SIGRTMIN+3 is systemd's word for halt.
  [ -z "$init" ] || kill -RTMIN+3 "$init" 2>/dev/null || true
  for _ in $(seq 1 100); do kill -0 "$(cat "$state/boot.pid")" 2>/dev/null || break; sleep 0.1; done
  [ -z "$init" ] || kill -KILL "$init" 2>/dev/null || true
  group=$(cat "$state/group")
  for hierarchy in /sys/fs/cgroup/*/; do find "$hierarchy$group" -depth -type d -exec rmdir {} + 2>/dev/null || true; done
  rm -rf "$state"
  ;;
*)
  echo "lab.sh: up, in or down" >&2
  exit 2
  ;;
esac
