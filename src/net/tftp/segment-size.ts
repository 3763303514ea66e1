// Tells the kernel to cut what is sent on a UDP socket into datagrams of one size (UDP_SEGMENT, udp(7), Linux 4.18): a window is then one
// system call. Node has no such option; our launcher in perl (perl-base is on every Debian) sets it on sockets that Node already has. The
// option belongs to the socket, not to the process, so that it stays when perl has ended. Knows nothing of transfers.

import { spawn } from 'node:child_process';
import type { Socket } from 'node:dgram';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { resource } from '../../lib/index.ts';

/** Rejects when it can't be done here: sending then goes block by block. */
export type SetSegmentSize = (sockets: readonly Socket[], bytes: number) => Promise<void>;

const PERL = '/usr/bin/perl';
const TIMEOUT_MS = 5000;
export const setSegmentSize: SetSegmentSize = async (sockets, bytes) => {
  const descriptors = await descriptorsOf(sockets.map((socket) => socket.address().port));
  if (descriptors.length !== sockets.length) throw new Error('the sockets were not found in /proc/self/fd');
  const child = spawn(PERL, [resource('src/net/listen.pl'), '--segments', String(descriptors.length), String(bytes)], {
    stdio: ['ignore', 'ignore', 'pipe', ...descriptors],
    signal: AbortSignal.timeout(TIMEOUT_MS),
    killSignal: 'SIGKILL',
  });
  let complaint = '';
  // `stdio` with a pipe in third place: there is a stream, which the general type of a child does not know.
  child.stderr?.on('data', (chunk: Buffer) => {
    if (complaint.length < 500) complaint += chunk.toString('latin1');
  });
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(complaint.trim() || `perl ended with ${String(code)}`);
};

/** From local ports to our own descriptors: proc(5) gives the inode of each UDP socket, and the inode of each descriptor. */
async function descriptorsOf(ports: readonly number[]): Promise<number[]> {
  const wanted = new Set(ports.map((port) => port.toString(16).toUpperCase().padStart(4, '0')));
  const tables = await Promise.all(['/proc/self/net/udp', '/proc/self/net/udp6'].map((path) => readFile(path, 'utf8').catch(() => '')));
  const rows = tables.flatMap((table) => table.split('\n')).map((line) => line.trim().split(/\s+/));
  const inodes = new Set(
    rows.filter((columns) => wanted.has(columns[1]?.split(':').at(-1) ?? '')).map((columns) => `socket:[${columns[9]}]`),
  );
  const entries = await readdir('/proc/self/fd');
  // A descriptor may be closed between the listing and the look: then it is not one of ours.
  const links = await Promise.all(entries.map((entry) => readlink(`/proc/self/fd/${entry}`).catch(() => '')));
  return entries.filter((_, index) => inodes.has(links[index] ?? '')).map(Number);
}
