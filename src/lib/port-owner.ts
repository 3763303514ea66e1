// Who listens on a port, from /proc: for error messages that say what to stop. Best effort: other users' processes and other
// systems than Linux give no answer.

import { readdir, readFile, readlink } from 'node:fs/promises';

export interface PortOwner {
  readonly pid: number;
  readonly command: string;
}

/** Column 4 of /proc/net/tcp for a listening socket (include/net/tcp_states.h); UDP sockets that are bound have 07. */
const LISTENING = { tcp: '0A', udp: '07' } as const;

export async function findPortOwner(protocol: 'tcp' | 'udp', port: number): Promise<PortOwner | undefined> {
  const tables = await Promise.all([`/proc/net/${protocol}`, `/proc/net/${protocol}6`].map(readOrEmpty));
  const inodes = socketInodes(tables.join('\n'), LISTENING[protocol], port);
  if (inodes.size === 0) return undefined;
  for (const entry of await listOrEmpty('/proc')) {
    if (/^\d+$/.test(entry) && (await holdsSocket(`/proc/${entry}/fd`, inodes))) {
      const command = (await readOrEmpty(`/proc/${entry}/comm`)).trim();
      return { pid: Number(entry), command: command === '' ? 'unknown' : command };
    }
  }
  return undefined;
}

/** The inodes of sockets in that state on that local port, from the text of /proc/net/tcp and its like. */
export function socketInodes(table: string, state: string, port: number): ReadonlySet<string> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/));
  const mine = rows.filter((columns) => columns[1]?.endsWith(wanted) === true && columns[3] === state);
  return new Set(mine.flatMap((columns) => columns[9] ?? []));
}

async function holdsSocket(directory: string, inodes: ReadonlySet<string>): Promise<boolean> {
  for (const name of await listOrEmpty(directory)) {
    const inode = /^socket:\[(\d+)\]$/.exec(await linkOrEmpty(`${directory}/${name}`))?.[1];
    if (inode !== undefined && inodes.has(inode)) return true;
  }
  return false;
}

// A process may end, or belong to somebody else, at any moment of the search: then it is not the answer.
const readOrEmpty = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
const listOrEmpty = (path: string): Promise<string[]> => readdir(path).catch(() => []);
const linkOrEmpty = (path: string): Promise<string> => readlink(path).catch(() => '');
