// The hashes that chain the audit log, their key, and where the chain begins after old rows were dropped. Key and beginning are sealed
// by the store's vault: who can only write to the database can make neither.

import { createHmac } from 'node:crypto';
import { type Random, Secret } from '../lib/index.ts';
import type { AuditTable, Store, Tx } from '../store/index.ts';

export type AuditKey = Secret;

interface Anchor {
  readonly seq: number;
  readonly hash: string;
}

const KEY_NAME = 'audit.key';
const ANCHOR_NAME = 'audit.anchor';
const KEY_BYTES = 32;
const BEGINNING: Anchor = { seq: 0, hash: '' };

/** Made when it is first needed. */
export async function auditKey(store: Store, random: Random): Promise<AuditKey> {
  const stored = await store.vault.get(KEY_NAME);
  if (stored !== undefined) return stored;
  const made = new Secret(random.bytes(KEY_BYTES).toString('base64url'));
  await store.transaction(async (tx) => {
    // Another appliance on the same store may have been faster: then its key counts.
    const row = await tx.selectFrom('secrets').select('name').where('name', '=', KEY_NAME).executeTakeFirst();
    if (row === undefined) await store.vault.put(tx, KEY_NAME, made);
  });
  return (await store.vault.get(KEY_NAME)) ?? made;
}

export function rowHash(key: AuditKey, previous: string, row: Omit<AuditTable, 'hash'>): string {
  const { seq, at, actor, role, method, path, status, address, request_id: requestId, detail } = row;
  const text = JSON.stringify([previous, seq, at, actor, role, method, path, status, address, requestId, detail]);
  return createHmac('sha256', key.reveal()).update(text).digest('hex');
}

/** The last row that was dropped: the chain is checked from there on. */
export async function readAnchor(store: Store): Promise<Anchor> {
  const secret = await store.vault.get(ANCHOR_NAME);
  const value: unknown = secret === undefined ? BEGINNING : JSON.parse(secret.reveal());
  if (typeof value !== 'object' || value === null || !('seq' in value) || !('hash' in value)) return BEGINNING;
  return { seq: Number(value.seq), hash: String(value.hash) };
}

export function cutAnchor(store: Store, tx: Tx, { seq, hash }: Anchor): Promise<void> {
  return store.vault.put(tx, ANCHOR_NAME, new Secret(JSON.stringify({ seq, hash })));
}
