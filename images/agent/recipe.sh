#!/bin/sh
# Makes the parts of the RAM system: unpacks Debian packages, picks files, packs each part as a compressed cpio archive of its own.
# The kernel accepts the archives one after the other, so a new agent needs only the last, small one packed again.
# Same inputs, same bytes; no root needed. Downloads nothing, knows nothing of caches: images/build-members.ts calls it.
#
#   recipe.sh unpack DEBS ROOT            recipe.sh node NODE_BINARY OUT
#   recipe.sh base ROOT OUT               recipe.sh agent AGENT_JS VERSION OUT
#   recipe.sh modules ROOT OUT            recipe.sh kernel ROOT OUT
#
# ARCH (Debian's word: amd64, arm64) and TMP (a directory to work in) come from the environment.

set -eu
umask 022
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
: "${ARCH:=amd64}" "${TMP:?}"
# One date for every file: 2025-01-01. The time of the build is no input.
EPOCH=1735689600

case "$ARCH" in
  amd64) TRIPLET=x86_64-linux-gnu STRIP=strip ;;
  arm64) TRIPLET=aarch64-linux-gnu STRIP=aarch64-linux-gnu-strip ;;
  *) echo "no recipe for architecture $ARCH" >&2; exit 2 ;;
esac

# Debian's layout since bookworm: /bin, /sbin and /lib are links into /usr. Packages older than that name both.
skeleton() {
  mkdir -p "$1/usr/bin" "$1/usr/sbin" "$1/usr/lib" "$1/usr/lib64"
  for name in bin sbin lib lib64; do ln -sfn "usr/$name" "$1/$name"; done
}

unpack() {
  skeleton "$2"
  for deb in "$1"/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -p --no-same-owner --keep-directory-symlink -C "$2" -f - ||
      { echo "cannot unpack $deb" >&2; exit 1; }
  done
}

# list FILE: its lines without comments, the two variables put in.
list() {
  sed -e 's/#.*//' -e '/^[[:space:]]*$/d' -e "s/@TRIPLET@/$TRIPLET/g" -e "s/@ARCH@/$ARCH/g" "$1"
}

# pack TREE OUT: cpio's "reproducible" forgets inode numbers; order, owner, date and modes are made the same here.
pack() {
  find "$1" -type d -exec chmod 755 {} +
  find "$1" -type f -exec chmod u+rw,go+r,go-w,u-s,g-s {} +
  find "$1" -exec touch -h -d "@$EPOCH" {} +
  # Level 12: Node's member is 34.4 MB after 6 CPU-seconds, against 30.1 MB after 40 at level 19; one network boot does not notice 4 MB.
  # Two workers give the same bytes as any other number; the window stays below the 128 MB that the kernel's decoder takes.
  (cd "$1" && find . -mindepth 1 -print0 | sort -z | cpio --null --quiet -o -H newc --reproducible --owner 0:0) | zstd -q -12 -T2 -o "$2" -f
  (cd "$1" && find . -type f -printf '%s\n') | awk '{ total += $1 } END { print "unpacked", total + 0 }'
}

# needs FILE: the libraries an ELF file names.
needs() {
  readelf -d "$1" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
}

# take ROOT TREE PATH: copies a file, and what it links to, under the path without the old /bin, /lib aliases.
take() {
  to=$2/$3
  [ -e "$to" ] || [ -L "$to" ] && return 0
  mkdir -p "$(dirname "$to")"
  cp -P --preserve=mode,timestamps "$1/$3" "$to"
  [ -L "$1/$3" ] || return 0
  aim=$(readlink "$1/$3")
  case "$aim" in
    /*) aim=${aim#/} ;;
    *) aim=$(dirname "$3")/$aim ;;
  esac
  aim=$(cd "$1/$(dirname "$aim")" && pwd -P)/$(basename "$aim")
  take "$1" "$2" "${aim#"$1"/}"
}

# libraries ROOT TREE: follows what the ELF files in TREE need until nothing is missing.
libraries() {
  find "$2" -type f | sort >"$TMP/todo"
  while [ -s "$TMP/todo" ]; do
    while IFS= read -r file; do needs "$file"; done <"$TMP/todo" | sort -u >"$TMP/needed"
    : >"$TMP/todo"
    while IFS= read -r name; do
      found=''
      for dir in "usr/lib/$TRIPLET" usr/lib usr/lib64 "usr/lib/$TRIPLET/systemd" usr/lib/systemd; do
        [ -e "$1/$dir/$name" ] || [ -L "$1/$dir/$name" ] || continue
        found=$dir/$name
        break
      done
      [ -n "$found" ] || { echo "library $name is in none of the packages" >&2; exit 1; }
      [ -e "$2/$found" ] && continue
      take "$1" "$2" "$found"
      real=$(cd "$2/$(dirname "$found")" && realpath "$name")
      echo "$real" >>"$TMP/todo"
    done <"$TMP/needed"
  done
}

base() {
  root=$(realpath "$1") tree=$TMP/base
  rm -rf "$tree"
  skeleton "$tree"
  list "$here/userland.list" | while IFS= read -r pattern; do
    needed=yes into=''
    case "$pattern" in \?*) needed=no pattern=${pattern#?} ;; esac
    case "$pattern" in *' > '*) into=${pattern#* > } pattern=${pattern%% > *} ;; esac
    hit=no
    for file in "$root"/$pattern; do
      [ -e "$file" ] || [ -L "$file" ] || continue
      hit=yes
      if [ -z "$into" ]; then
        take "$root" "$tree" "${file#"$root"/}"
      else
        mkdir -p "$tree/$into"
        cp -L --preserve=mode,timestamps "$file" "$tree/$into/"
      fi
    done
    [ $hit = yes ] || [ $needed = no ] || { echo "userland.list: no package has $pattern" >&2; exit 1; }
  done
  # The loader is what every ELF file names in its header, by an absolute path.
  loader=$(readelf -l "$root/usr/bin/busybox" | sed -n 's/.*interpreter: \/\(.*\)\]/\1/p')
  [ -z "$loader" ] || take "$root" "$tree" "usr/$loader"
  libraries "$root" "$tree"
  ln -s busybox "$tree/usr/bin/sh"
  # lvm is called by the names of its commands; dropbear looks for the SFTP server here.
  for name in pvs pvscan pvdisplay vgs vgscan vgchange vgdisplay lvs lvscan lvchange lvdisplay; do
    ln -s lvm "$tree/usr/lib/rackseed/rescue/$name"
  done
  ln -s rackseed/rescue/sftp-server "$tree/usr/lib/sftp-server"
  mkdir -p "$tree/proc" "$tree/sys" "$tree/dev" "$tree/run" "$tree/tmp" "$tree/etc" "$tree/mnt"
  cp -R "$here/files/." "$tree/"
  ln -sf /run/rackseed/resolv.conf "$tree/etc/resolv.conf"
  ln -sf /proc/self/mounts "$tree/etc/mtab"
  chmod 755 "$tree/init" "$tree/usr/lib/rackseed/ports" "$tree/usr/lib/rackseed/lease" "$tree/usr/lib/rackseed/rescue-shell"
  pack "$tree" "$2"
}

modules() {
  root=$(realpath "$1") tree=$TMP/modules
  version=$(kernel_version "$root")
  from=$root/usr/lib/modules/$version
  rm -rf "$tree"
  mkdir -p "$tree/usr/lib"
  # depmod and modinfo know modules by /lib only. Not packed: a link or directory of that name would replace the base's own.
  ln -s usr/lib "$tree/lib"
  # Newer Debian kernels have their modules compressed: inside our compressed archive that costs size and time. The signature is
  # inside and stays (strip would remove it).
  find "$from" -name '*.ko.xz' -exec xz -d {} +
  depmod -b "$root" "$version"
  list "$here/modules.list" | while IFS= read -r line; do
    case "$line" in
      */) find "$from/kernel/$line" -name '*.ko' 2>/dev/null | sed -e 's/.*\///' -e 's/\.ko$//' ;;
      *) echo "$line" ;;
    esac
  done | tr - _ | sort -u >"$TMP/wanted"
  : >"$TMP/paths"
  while IFS= read -r name; do
    modprobe -d "$root" -S "$version" --show-depends "$name" >"$TMP/one" 2>/dev/null || { echo "absent $name"; continue; }
    sed -n 's/^insmod \([^ ]*\).*/\1/p' "$TMP/one" >>"$TMP/paths"
  done <"$TMP/wanted"
  sort -u "$TMP/paths" | while IFS= read -r path; do
    rest=usr/lib/modules/${path#*/lib/modules/}
    mkdir -p "$tree/$(dirname "$rest")"
    cp "$root/$rest" "$tree/$rest"
  done
  for name in modules.order modules.builtin modules.builtin.modinfo; do
    [ -e "$from/$name" ] && cp "$from/$name" "$tree/usr/lib/modules/$version/$name"
  done
  depmod -b "$tree" "$version"
  rm -f "$tree/usr/lib/modules/$version"/modules.builtin.modinfo "$tree/usr/lib/modules/$version"/modules.symbols*
  firmware "$root" "$tree"
  rm "$tree/lib"
  echo "modules $(find "$tree" -name '*.ko' | wc -l)"
  pack "$tree" "$2"
}

# firmware ROOT TREE: what the chosen modules ask for, as far as the packages have it. "bare MODULE": it asks for some and has none.
firmware() {
  have=0 lack=0
  find "$2" -name '*.ko' | sort >"$TMP/chosen"
  while IFS= read -r module; do
    modinfo -F firmware "$module" | sort -u >"$TMP/firmware"
    [ -s "$TMP/firmware" ] || continue
    own=0
    while IFS= read -r name; do
      if firmware_file "$1" "$2" "$name"; then own=$((own + 1)); else lack=$((lack + 1)); fi
    done <"$TMP/firmware"
    have=$((have + own))
    [ $own -gt 0 ] || echo "bare $(basename "$module" .ko)"
  done <"$TMP/chosen"
  echo "firmware $have $lack"
}

# firmware_file ROOT TREE NAME: as it is, or compressed, which the kernels that Debian has such packages for can read.
firmware_file() {
  for ending in '' .xz .zst; do
    [ -e "$1/usr/lib/firmware/$3$ending" ] || [ -L "$1/usr/lib/firmware/$3$ending" ] || continue
    take "$1" "$2" "usr/lib/firmware/$3$ending"
    return 0
  done
  return 1
}

node() {
  tree=$TMP/node
  rm -rf "$tree"
  mkdir -p "$tree/usr/bin"
  # Without binutils for the other architecture Node is 5 MB larger when packed, and as good.
  if command -v "$STRIP" >/dev/null; then $STRIP -o "$tree/usr/bin/node" "$1"; else
    cp "$1" "$tree/usr/bin/node"
    echo "unstripped $STRIP"
  fi
  chmod 755 "$tree/usr/bin/node"
  pack "$tree" "$2"
}

agent() {
  tree=$TMP/agent
  rm -rf "$tree"
  mkdir -p "$tree/usr/lib/rackseed"
  cp "$1" "$tree/usr/lib/rackseed/agent.mjs"
  echo "$2" >"$tree/usr/lib/rackseed/version"
  # The last name in the last archive: /init looks for it to know that everything was unpacked.
  : >"$tree/usr/lib/rackseed/whole"
  pack "$tree" "$3"
}

kernel_version() {
  found=''
  for dir in "$1"/usr/lib/modules/*/; do
    [ -d "$dir/kernel" ] || continue
    [ -z "$found" ] || { echo "more than one kernel in the packages" >&2; exit 1; }
    found=$(basename "$dir")
  done
  [ -n "$found" ] || { echo "no kernel in the packages" >&2; exit 1; }
  echo "$found"
}

kernel() {
  version=$(kernel_version "$1")
  cp "$1/boot/vmlinuz-$version" "$2"
  chmod 644 "$2"
  echo "kernel $version"
}

command=$1
shift
mkdir -p "$TMP"
"$command" "$@"
