// What a member tells of its cluster: configuration, votes, who is heard of. Changes nothing.

import type { RootShell } from '../../proxmox/index.ts';
import { type CorosyncConfig, parseCorosync, parseQuorum, type Quorum } from './corosync-codec.ts';

export const COROSYNC_CONF = '/etc/pve/corosync.conf';

/** Null: it is in no cluster. */
export async function corosyncOf(shell: RootShell): Promise<CorosyncConfig | null> {
  const text = await shell.readFile(COROSYNC_CONF);
  return text === undefined ? null : (parseCorosync(text.toString()) ?? null);
}

/** Null: corosync does not answer there. */
export async function quorumOf(shell: RootShell): Promise<Quorum | null> {
  const { out } = await shell.run(['corosync-quorumtool', '-si']);
  return parseQuorum(out) ?? null;
}

/** Members of which the cluster file system hears, as a member sees it. */
export async function onlineOf(shell: RootShell): Promise<readonly string[]> {
  const rows: unknown = JSON.parse(await shell.must(['pvesh', 'get', '/cluster/status', '--output-format', 'json']));
  if (!Array.isArray(rows)) return [];
  return rows.flatMap(({ type, name, online }: { readonly type?: unknown; readonly name?: unknown; readonly online?: unknown }) =>
    type === 'node' && typeof name === 'string' && Number(online) === 1 ? [name] : [],
  );
}
