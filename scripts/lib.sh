# Sourced by the scripts of this folder: where things are, how to become root, how to find Swift.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$repository"

# What the scripts themselves make (example image, kernel of the VM, logs of a test run) lives next to SwiftPM's products.
made=.build
example_image=$made/example-image.tar
binaries=$made/release

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# Runs a command as root; where that needs sudo, `reason` says what for.
as_root() {
  local reason=$1
  shift
  if [ "$(id -u)" = 0 ]; then "$@"; return; fi
  command -v sudo > /dev/null || fail "needs root to $reason, and there is no sudo: run it as root"
  sudo -n true 2> /dev/null || say "root is needed to $reason (sudo)"
  sudo "$@"
}

# Puts the Swift toolchain on PATH, or says how to get one.
need_swift() {
  command -v swift > /dev/null && return
  local place
  for place in /opt/swift/usr/bin /usr/local/swift/usr/bin "$HOME/.local/share/swiftly/bin" /usr/libexec/swift/bin; do
    if [ -x "$place/swift" ]; then PATH=$place:$PATH; export PATH; return; fi
  done
  cat >&2 << 'END'
Swift 6.2 or newer is needed and was not found on PATH or in /opt/swift.
Get it with swiftly, the toolchain's installer:

  curl -O https://download.swift.org/swiftly/linux/swiftly-$(uname -m).tar.gz
  tar xzf swiftly-$(uname -m).tar.gz && ./swiftly init

or unpack a toolchain from https://www.swift.org/install/linux/ to /opt/swift.
END
  exit 1
}

# The release build: the Swift runtime is linked in, so that the programs run where no toolchain is.
build_release() {
  need_swift
  swift build -c release --static-swift-stdlib "$@"
}

# The image that manifests/ and examples/ use; made anew only when the busybox or the worker that makes it is newer.
make_example_image() {
  local busybox
  busybox=$(command -v busybox) || fail "busybox is missing: scripts/install-deps run"
  if [ -s "$example_image" ] && [ "$example_image" -nt "$busybox" ]; then return; fi
  say "making the example image from $busybox"
  scripts/make-example-image "$binaries/berth-worker" "$example_image"
}
