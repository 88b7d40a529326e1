#!/usr/bin/env bash
# A real Kubernetes control plane for tests: etcd, kubectl, kube-apiserver and kube-controller-manager 1.20.2, all from Debian's
# archive, the latter two compiled from Debian's source package. Nothing is installed; no root is needed. It takes some minutes, once: what
# is in the folder is used again.
#
#   build.sh FOLDER        FOLDER/kube-apiserver, kube-controller-manager, etcd and kubectl are there when this ends
#
# LINTEL_KUBE_PREBUILT     a folder that has them, or the compiled program as an .xz: then nothing is compiled. When it is not given, the
#                          .xz is looked for in the folder shared/kube beside this checkout.
set -euo pipefail

folder=$(mkdir -p "${1:?usage: build.sh FOLDER}" && cd "$1" && pwd)
suite=bookworm
kubernetes=1.20.2
commit=faecb196815e248d3ecfb03c680a4507229c2a56
built=2021-01-13T13:20:00Z
tarball_sha256=b83c0780efb182d928dc63d46488a847f161f04e40a94b96bf5247dd671ecdfc
beside=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)/../shared/kube/lintel-kube-$kubernetes-linux-amd64.xz
# Of the program that is in it, which is the same bytes wherever it is built.
beside_sha256=4096ca5d11722250c3bc88291a2bd284348a6549a46c9c8321d74d1617892de0
work=$folder/work

say() { echo "control-plane: $*" >&2; }
fail() { say "$*"; exit 1; }

# Packages are fetched with lists, keys and a cache of our own: neither the machine's sources nor its packages are touched.
prepare_apt() {
  [ -f "$work/apt.conf" ] && return
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg uris mirror
  [ -r "$keyring" ] || fail "there is no $keyring: this needs Debian (or its package debian-archive-keyring)"
  # What apt would fetch lists from: known also where none was ever fetched, as on a new machine.
  uris=$(apt-get update --print-uris)
  mirror=$(sed -n "s,^'\([^']*\)/dists/$suite/InRelease' .*,\1,p" <<<"$uris" | head -n 1)
  # A mirror of another release has this one, too.
  [ -n "$mirror" ] || mirror=$(sed -n "s,^'\([^']*/debian\)/dists/.*,\1,p" <<<"$uris" | head -n 1)
  [ -n "$mirror" ] || fail "apt knows no mirror of Debian $suite: add one to its sources"
  mkdir -p "$work"/apt/{lists/partial,archives/partial} "$work/debs" "$work/root"
  : >"$work/apt/status"
  printf 'deb [signed-by=%s] %s %s main\ndeb-src [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$suite" "$keyring" "$mirror" "$suite" >"$work/apt/sources"
  cat >"$work/apt.conf.new" <<END
Dir::Etc::SourceList "$work/apt/sources";
Dir::Etc::SourceParts "/dev/null";
Dir::State "$work/apt";
Dir::State::Lists "$work/apt/lists";
Dir::State::status "$work/apt/status";
Dir::Cache "$work/apt";
Dir::Cache::Archives "$work/apt/archives";
APT::Sandbox::User "root";
Acquire::Retries "3";
END
  APT_CONFIG=$work/apt.conf.new apt-get -qq update || fail "Debian's package lists cannot be fetched"
  mv "$work/apt.conf.new" "$work/apt.conf"
}

# unpack PACKAGE…: into $work/root, as if installed there
unpack() {
  prepare_apt
  (cd "$work/debs" && APT_CONFIG=$work/apt.conf apt-get -qq download "$@") || fail "cannot fetch $*"
  local package
  for package in "$work"/debs/*.deb; do
    dpkg-deb --extract "$package" "$work/root"
    rm "$package"
  done
}

provide_etcd() {
  [ -x "$folder/etcd" ] && return
  if [ -x "${LINTEL_KUBE_PREBUILT:-}/etcd" ]; then
    cp "$LINTEL_KUBE_PREBUILT/etcd" "$folder/etcd"
  else
    say "fetching etcd"
    unpack etcd-server
    cp "$work/root/usr/bin/etcd" "$folder/etcd"
  fi
}

provide_kubectl() {
  [ -x "$folder/kubectl" ] && return
  if [ -x "${LINTEL_KUBE_PREBUILT:-}/kubectl" ]; then
    cp "$LINTEL_KUBE_PREBUILT/kubectl" "$folder/kubectl"
  else
    say "fetching kubectl"
    unpack kubernetes-client
    cp "$work/root/usr/bin/kubectl" "$folder/kubectl"
  fi
}

# The multi-call program: by the name it is called it is one or the other. Half the size and half the time of two.
provide_kubernetes() {
  [ -x "$folder/kubernetes" ] && return
  case ${LINTEL_KUBE_PREBUILT:-} in
  '') take_beside || compile ;;
  *.xz) xz --decompress --stdout "$LINTEL_KUBE_PREBUILT" >"$folder/kubernetes.new" ;;
  *) cp --dereference "$LINTEL_KUBE_PREBUILT/kube-apiserver" "$folder/kubernetes.new" ;;
  esac
  chmod 755 "$folder/kubernetes.new"
  mv "$folder/kubernetes.new" "$folder/kubernetes"
}

# The compiled program from beside the checkout. False when there is none for this machine, or it is not what it should be.
take_beside() {
  [ -r "$beside" ] && [ "$(uname -m)" = x86_64 ] || return 1
  if ! xz --decompress --stdout "$beside" >"$folder/kubernetes.new" || ! echo "$beside_sha256  $folder/kubernetes.new" | sha256sum --check --status; then
    rm -f "$folder/kubernetes.new"
    say "$beside is not the program it should be (checksum): compiling"
    return 1
  fi
  say "unpacked $beside"
}

fetch_source() {
  tree=$work/go/src/k8s.io/kubernetes
  [ -d "$tree" ] && return
  say "fetching the source of Kubernetes $kubernetes and Go 1.19"
  unpack golang-1.19-go golang-1.19-src golang-github-modern-go-reflect2-dev
  (cd "$work/debs" && APT_CONFIG=$work/apt.conf apt-get -qq source --download-only kubernetes >/dev/null)
  local tarball
  tarball=$(echo "$work"/debs/kubernetes_*.orig.tar.gz)
  echo "$tarball_sha256  $tarball" | sha256sum --check --status || fail "the source of Kubernetes in Debian $suite is not the one this recipe is for: $tarball"
  rm -rf "$tree.new"
  mkdir -p "$tree.new"
  tar --extract --gzip --file "$tarball" --directory "$tree.new" --strip-components=1 --exclude='*/CHANGELOG' --exclude='*/translations' --exclude='kubernetes-*/test/e2e*'
  # Built with Go 1.18 or newer, the reflect2 1.0.1 that is in the tree makes the API server panic on every JSON body with a map in it.
  # Debian has 1.0.2, which later releases of Kubernetes use.
  local reflect2=$work/root/usr/share/gocode/src/github.com/modern-go/reflect2
  grep -q go1.18 "$reflect2"/*.go || fail "Debian's reflect2 is not the one this recipe is for"
  rm -rf "$tree.new/vendor/github.com/modern-go/reflect2"
  cp -r "$reflect2" "$tree.new/vendor/github.com/modern-go/reflect2"
  mv "$tree.new" "$tree"
}

# The one generated file that is not in the source package.
generate_openapi() {
  local target=pkg/generated/openapi packages
  [ -s "$target/zz_generated.openapi.go" ] && return
  say "generating $target"
  go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
  # What asks for it in a comment: the program's own packages, and the libraries that are developed with it.
  packages=$(grep --recursive --files-with-matches --include='*.go' --exclude-dir=_output --exclude-dir=vendor --extended-regexp '^// *\+k8s:openapi-gen=' . |
    sed -E 's,^\./(staging/src/)?,\1,; s,^staging/src/,vendor/,; s,/[^/]+$,,' |
    grep --invert-match --extended-regexp '^vendor/k8s\.io/(code-generator|sample-apiserver)' | LC_ALL=C sort --unique | sed 's,^,k8s.io/kubernetes/,' | paste --serial --delimiters=,)
  "$work/openapi-gen" --logtostderr --input-dirs "$packages" --output-package "k8s.io/kubernetes/$target" --output-file-base zz_generated.openapi \
    --go-header-file vendor/k8s.io/code-generator/hack/boilerplate.go.txt --report-filename "$work/openapi-report"
  [ -s "$target/zz_generated.openapi.go" ] || fail "$target was not generated"
}

compile() {
  fetch_source
  export GOROOT=$work/root/usr/lib/go-1.19 GOPATH=$work/go GOCACHE=$work/go-cache GO111MODULE=off GOFLAGS='' GOTOOLCHAIN=local CGO_ENABLED=0
  export PATH=$GOROOT/bin:$PATH
  cd "$tree"
  generate_openapi
  mkdir -p cmd/control-plane
  cat >cmd/control-plane/main.go <<'END'
// The API server or the controller manager, by the name it is called.
package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/component-base/logs"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func main() {
	var command *cobra.Command
	if filepath.Base(os.Args[0]) == "kube-apiserver" {
		command = apiserver.NewAPIServerCommand()
	} else {
		command = controllers.NewControllerManagerCommand()
	}
	logs.InitLogs()
	defer logs.FlushLogs()
	if command.Execute() != nil {
		os.Exit(1)
	}
}
END
  local flags='-s -w -buildid=' package
  for package in client-go/pkg component-base; do
    flags+=" -X k8s.io/kubernetes/vendor/k8s.io/$package/version.gitVersion=v$kubernetes -X k8s.io/kubernetes/vendor/k8s.io/$package/version.gitMajor=1 -X k8s.io/kubernetes/vendor/k8s.io/$package/version.gitMinor=20"
    flags+=" -X k8s.io/kubernetes/vendor/k8s.io/$package/version.gitCommit=$commit -X k8s.io/kubernetes/vendor/k8s.io/$package/version.buildDate=$built"
  done
  say "compiling, which takes some minutes"
  # Without the clouds' and Docker's own code: a third less.
  nice go build -trimpath -tags providerless,dockerless -ldflags "$flags" -o "$folder/kubernetes.new" ./cmd/control-plane
}

# Of two that start at once one builds, the other waits.
exec 9>"$folder/lock"
flock 9
provide_etcd
provide_kubectl
provide_kubernetes
for name in kube-apiserver kube-controller-manager; do ln -sfn kubernetes "$folder/$name"; done
"$folder/kube-apiserver" --version >/dev/null || fail "$folder/kubernetes does not run"
# Go makes its module files read-only.
[ ! -d "$work" ] || { chmod -R u+w "$work" && rm -rf "$work"; }
