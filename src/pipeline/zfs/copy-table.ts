// The partition table of one disk onto another that is empty: the script that does it, with proof of its direction. Proven on the real sgdisk,
// sfdisk and wipefs.

/**
 * sgdisk -R SECOND MAIN writes the table of MAIN to SECOND (sgdisk(8): --replicate=second_device_filename). The table of the disk in the pool
 * is read before and after, so that a copy in the wrong direction can not go by unseen; it is kept aside whole for that case.
 */
export const COPY_TABLE = `# copies the partition table of the first disk to the second
from=$1 to=$2 kept=$3
mkdir -p -- "$(dirname -- "$kept")"
sgdisk --backup="$kept" "$from" >/dev/null
before=$(sfdisk --dump "$from")
if [ -n "$(wipefs --noheadings --output TYPE "$to")" ]; then echo "$to is not empty any more" >&2; exit 1; fi
sgdisk --replicate="$to" "$from" >/dev/null
if [ "$(sfdisk --dump "$from")" != "$before" ]; then
  sgdisk --load-backup="$kept" "$from" >/dev/null
  echo "the table of $from changed, and was put back" >&2
  exit 1
fi`;

/** Of a disk that nothing has been told of yet: a copy that was cut off has the numbers of the other disk still. */
export const OWN_NUMBERS = `# gives a copied partition table numbers of its own
sgdisk --randomize-guids "$1" >/dev/null
if command -v partprobe >/dev/null; then partprobe "$1" || :; fi
if command -v udevadm >/dev/null; then udevadm settle; fi`;
