// Files of the machine, by fixed scripts: read whole or refused, written whole or not at all.

import { fail } from '../errors.ts';

export interface Bytes {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: Buffer;
  readonly err: string;
}

export interface FileAccess {
  readonly address: string;
  /** A script by `sh -eu`; what it says is kept up to maxBytes. */
  execute(script: string, words: readonly string[], more: { readonly input?: string | Buffer; readonly maxBytes: number }): Promise<Bytes>;
}

const NO_FILE = 44;
const READ_MAX = 1024 * 1024;
/** Through several commands' worth of memory, and not the way for images. */
const WRITE_MAX = 64 * 1024 * 1024;

const READ = `# reads a file
if [ ! -e "$1" ]; then exit ${NO_FILE}; fi
exec head -c "$2" -- "$1"`;

/**
 * A cut connection looks like the end of the input, so its length is told. Through links to what they point at (/etc/ceph/ceph.conf).
 * pmxcfs (/etc/pve) keeps modes of its own and refuses others; it is a database, and flushes by itself.
 */
const WRITE = `# writes a file
path=$(readlink -f -- "$1")
directory=$(dirname -- "$path")
temporary="$directory/.$(basename -- "$path").$4"
umask 077
trap 'rm -f -- "$temporary"' EXIT
trap 'exit 143' HUP INT PIPE TERM
cat >"$temporary"
if [ "$(wc -c <"$temporary")" -ne "$2" ]; then echo 'not all of it arrived' >&2; exit 1; fi
case "$path" in
/etc/pve/*) ;;
*)
  if [ -e "$path" ]; then chown --reference="$path" -- "$temporary"; fi
  if [ -n "$3" ]; then chmod -- "$3" "$temporary"
  elif [ -e "$path" ]; then chmod --reference="$path" -- "$temporary"
  else chmod 0644 "$temporary"; fi
  sync -- "$temporary" ;;
esac
mv -fT -- "$temporary" "$path"
case "$path" in
/etc/pve/*) ;;
*) sync -- "$directory" ;;
esac`;

export async function readRemote(access: FileAccess, path: string, maxBytes = READ_MAX): Promise<Buffer | undefined> {
  const { code, signal, out, err } = await access.execute(READ, [path, String(maxBytes + 1)], { maxBytes: maxBytes + 1 });
  if (code === NO_FILE) return undefined;
  if (code !== 0) throw fileFailed(`${path} of ${access.address} can not be read`, { code, signal, err });
  if (out.length <= maxBytes) return out;
  throw fail('proxmox.file_too_long', {
    message: `${path} of ${access.address} is longer than ${maxBytes} bytes`,
    hint: 'It is not the file that was expected there: look at it.',
  });
}

export async function writeRemote(
  access: FileAccess,
  {
    path,
    content,
    mode,
    id,
  }: { readonly path: string; readonly content: string | Buffer; readonly mode: number | undefined; readonly id: string },
): Promise<void> {
  const bytes = Buffer.from(content);
  if (bytes.length > WRITE_MAX) {
    throw fail('proxmox.file_too_long', {
      message: `${path}: ${bytes.length} bytes are more than is written through a shell (${WRITE_MAX})`,
      hint: 'Let the machine fetch it.',
    });
  }
  const octal = mode === undefined ? '' : mode.toString(8).padStart(4, '0');
  const ran = await access.execute(WRITE, [path, String(bytes.length), octal, id], { input: bytes, maxBytes: READ_MAX });
  if (ran.code !== 0) throw fileFailed(`${path} of ${access.address} was not written, and is as it was`, ran);
}

function fileFailed(what: string, { code, signal, err }: Omit<Bytes, 'out'>): Error {
  return fail('proxmox.command_failed', {
    message: `${what}: ${err.trim().slice(-500) || `it ended with ${signal ?? code}`}`,
    hint: 'Look on the machine: is the directory there, the file system writable and not full?',
  });
}
