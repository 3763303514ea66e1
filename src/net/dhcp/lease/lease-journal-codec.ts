// Leases as lines of a journal: a checksum and JSON. Pure: a torn or foreign line ends the reading, as after a power cut.

import { crc32 } from 'node:zlib';
import { parseIpv4, parseMac } from '../../../lib/index.ts';
import type { DhcpLease } from './lease-table.ts';

const CHECKSUM_DIGITS = 8;
const NEWLINE = 10;
const ZERO = 0;
const STATES = ['bound', 'released', 'declined'] as const;

export interface JournalContent {
  /** In the order they were written: of two for one address the later counts. */
  readonly leases: readonly DhcpLease[];
  /** Where reading ended before the end of what was written; undefined when all of it could be read. */
  readonly tornAt: number | undefined;
}

export function encodeJournal(leases: Iterable<DhcpLease>): Buffer {
  const lines: string[] = [];
  for (const lease of leases) {
    const text = JSON.stringify(lease);
    lines.push(`${checksum(text)} ${text}\n`);
  }
  return Buffer.from(lines.join(''), 'utf8');
}

/** The file is longer than what was written: it is filled with zeros ahead. */
export function decodeJournal(bytes: Buffer): JournalContent {
  const leases: DhcpLease[] = [];
  let at = 0;
  while (at < bytes.length && bytes[at] !== ZERO) {
    const end = bytes.indexOf(NEWLINE, at);
    const lease = end === -1 ? undefined : decodeLine(bytes.toString('utf8', at, end));
    if (lease === undefined) return { leases, tornAt: at };
    leases.push(lease);
    at = end + 1;
  }
  return { leases, tornAt: undefined };
}

function decodeLine(line: string): DhcpLease | undefined {
  const text = line.slice(CHECKSUM_DIGITS + 1);
  if (line.slice(0, CHECKSUM_DIGITS) !== checksum(text)) return undefined;
  return leaseOf(JSON.parse(text) as Record<string, unknown>); // the checksum says that we wrote it: an object
}

function leaseOf(fields: Record<string, unknown>): DhcpLease | undefined {
  const address = parseIpv4(String(fields.address));
  const mac = parseMac(String(fields.mac));
  const state = STATES.find((known) => known === fields.state);
  if (address === undefined || mac === undefined || state === undefined) return undefined;
  return {
    address,
    subnet: String(fields.subnet),
    mac,
    clientId: textOrNull(fields.clientId),
    smbiosUuid: textOrNull(fields.smbiosUuid),
    hostname: textOrNull(fields.hostname),
    state,
    startsAt: Number(fields.startsAt),
    expiresAt: Number(fields.expiresAt),
  };
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(CHECKSUM_DIGITS, '0');
}
