#!/usr/bin/env bash
# Builds the container image with buildah, which needs no daemon, and checks it: its size, that the only native code in it but the base's is
# Lintel's for this platform, and that every role runs in it without rights on a root that nobody can write to. Needs root, or `buildah unshare`.
#
#   scripts/build-image.sh [--debian] [NAME:TAG]       default lintel:VERSION
#
# --debian makes the base images from Debian's packages and this machine's node and npm, instead of pulling them: for where no registry can
# be reached. BUILD= and BASE= name other base images (deploy/Containerfile). Needs buildah; with --debian, mmdebstrap too.
set -euo pipefail
cd "$(dirname "$0")/.."

mebibytes_max=250
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
from_debian=
if [ "${1:-}" = --debian ]; then from_debian=1; shift; fi
image=${1:-lintel:$version}
work=$(mktemp -d)
container=
finish() {
  [ -z "$container" ] || buildah rm "$container" >/dev/null
  # The largest of them, and of no use but for building.
  [ -z "$from_debian" ] || buildah rmi localhost/lintel-build-base >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap finish EXIT

say() { printf '%s\n' "$*"; }
fail() {
  printf 'build-image: %s\n' "$*" >&2
  exit 1
}
for program in buildah unshare setpriv; do command -v "$program" >/dev/null || fail "needs $program (Debian: apt-get install buildah util-linux)"; done

# An image of nothing but these packages of Debian's, unpacked: no package manager, no shell unless one is named.
debian_image() {
  local name=$1 packages=$2 root
  root=$(buildah from --name "lintel-base-$$" scratch)
  # shellcheck source=/dev/null
  mmdebstrap --quiet --variant=extract --include="$packages" --format=tar "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$work/base.tar"
  buildah add --quiet "$root" "$work/base.tar" / >/dev/null
  # What the packages' own scripts would have made.
  printf 'root:x:0:0:root:/root:/bin/sh\nlintel:x:65532:65532:Lintel:/:/usr/sbin/nologin\n' >"$work/passwd"
  printf 'root:x:0:\nlintel:x:65532:\n' >"$work/group"
  buildah copy --quiet "$root" "$work/passwd" "$work/group" /etc/ >/dev/null
  if [ "$name" = lintel-build-base ]; then
    buildah copy --quiet "$root" "$(node -p process.execPath)" /usr/bin/node >/dev/null
    buildah copy --quiet "$root" "$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")" /usr/lib/node_modules/npm >/dev/null
    printf '#!/bin/sh\nexec node /usr/lib/node_modules/npm/bin/npm-cli.js "$@"\n' >"$work/npm"
    chmod 755 "$work/npm"
    buildah copy --quiet "$root" "$work/npm" /usr/bin/npm >/dev/null
  fi
  buildah commit --quiet --rm "$root" "$name" >/dev/null
}

arguments=(--file deploy/Containerfile --tag "$image" --build-arg "VERSION=$version")
if [ -n "$from_debian" ]; then
  command -v mmdebstrap >/dev/null || fail "--debian needs mmdebstrap (apt-get install mmdebstrap)"
  say "base images from Debian's packages"
  debian_image lintel-build-base base-files,dash,coreutils,binutils,libstdc++6,ca-certificates
  debian_image lintel-base base-files,coreutils,libstdc++6
  arguments+=(--build-arg BUILD=localhost/lintel-build-base --build-arg BASE=localhost/lintel-base)
  # What this machine has installed before needs no network.
  cache=$(npm config get cache 2>/dev/null)
  [ ! -d "$cache" ] || arguments+=(--volume "$cache:/root/.npm")
else
  [ -z "${BUILD:-}" ] || arguments+=(--build-arg "BUILD=$BUILD")
  [ -z "${BASE:-}" ] || arguments+=(--build-arg "BASE=$BASE")
fi
# Where packages come from, if this user's npm was told.
[ ! -f "$HOME/.npmrc" ] || arguments+=(--secret "id=npmrc,src=$HOME/.npmrc")
# Without an OCI runtime a step runs in a chroot.
command -v runc >/dev/null || command -v crun >/dev/null || arguments+=(--isolation chroot)

say "building $image"
buildah build "${arguments[@]}" . >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "the image could not be built; where no registry can be reached: scripts/build-image.sh --debian"; }

container=$(buildah from --pull-never "$image")
root=$(buildah mount "$container")
bytes=$(du --summarize --block-size=1 --one-file-system "$root" | cut -f 1)
mebibytes=$((bytes / 1048576))
say "$image: $mebibytes MiB uncompressed, $(du --summarize --block-size=1M "$root/usr/local/bin" | cut -f 1) of them Lintel"
[ "$mebibytes" -le "$mebibytes_max" ] || fail "$image has $mebibytes MiB; at most $mebibytes_max are allowed"

ours=$(find "$root" -xdev -type f \( -name '*.node' -o -path "$root/usr/local/*" \) -printf '/%P ' | xargs -n 1 | sort | xargs)
[ "$ours" = "/usr/local/bin/lintel /usr/local/bin/lintel.node" ] || fail "expected nothing of ours but /usr/local/bin/lintel and its lintel.node, found $ours"
user=$(buildah inspect --format '{{.OCIv1.Config.User}}' "$container")
[ "$user" = 65532:65532 ] || fail "expected the image's user to be 65532:65532, not $user"

say "running it as $user on a read-only root"
unshare --mount --pid --fork --kill-child --net --ipc --uts --propagation private bash scripts/check-image.sh "$root"
say "$image is fine; take it elsewhere with: buildah push $image docker-archive:lintel.tar"
