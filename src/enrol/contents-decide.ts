// What is on a disk in words, and whether somebody may miss it: then it is erased only when somebody has said yes to that very disk. Pure.

import type { DiskContents, Signature, SignatureKind } from '../inspect/index.ts';

export interface Protection {
  /** Why it is not erased without a word of its own. */
  readonly why: string;
  /** File systems and nothing beyond them: a rule may say yes to those in general. */
  readonly isFilesystem: boolean;
}

/**
 * All others are members of something larger, closed to our eyes, or known by name only (Stratis, VDO, VMFS): what they are part of may live
 * on other disks or machines. A kind that comes later is protected until somebody says otherwise.
 */
const CHEAP: readonly SignatureKind[] = ['swap', 'esp'];
const PLAIN: readonly SignatureKind[] = [...CHEAP, 'filesystem'];

/**
 * Partition types that hold nothing of a person's: EFI system, BIOS boot, Microsoft reserved, swap; MBR's extended and EFI. Not 0x82, which
 * is Solaris' own as well as swap's, nor 0xee: a disk that shows it has lost the GPT that says what is on it.
 */
const CHEAP_PARTITIONS: ReadonlySet<string> = new Set([
  'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
  '21686148-6449-6e6f-744e-656564454649',
  'e3c9e316-0b5c-4db8-817d-f92df00215ae',
  '0657fd6d-a4ab-43c4-84e5-0933c84b4f4f',
  '0x05',
  '0x5',
  '0x0f',
  '0xf',
  '0x85',
  '0xef',
]);

/** Null: nobody will miss what is on it. */
export function protectionOf(contents: DiskContents | undefined): Protection | null {
  if (contents === undefined) return whole('what is on it is not known: the agent that reported it does not read disks');
  if (contents.unread !== null) return whole(`it could not be read in full: ${contents.unread}`);
  if (contents.system !== null) return whole(`it holds ${contents.system}`);
  const precious = contents.signatures.filter(({ kind }) => !PLAIN.includes(kind));
  if (precious.length > 0) return whole(`it holds ${saidOnce(precious)}`);
  if (contents.isBlank) return null;
  const [files, unknown] = [ofFilesystems(contents), ofTheUnknown(contents)];
  // What nobody knows may be more than a file system: no rule about those gives it up.
  return files === null || unknown === null ? (files ?? unknown) : whole(`${files.why}, and beside that ${unknown.why}`);
}

function ofFilesystems({ signatures }: DiskContents): Protection | null {
  const found = signatures.filter(({ kind }) => kind === 'filesystem');
  return found.length === 0 ? null : { why: `it holds ${saidOnce(found)}`, isFilesystem: true };
}

function ofTheUnknown({ table, partitions, signatures, isBlankBeside }: DiskContents): Protection | null {
  const known = new Set(signatures.map(({ partition }) => partition));
  const strange = partitions.filter(({ number, type }) => !known.has(number) && !CHEAP_PARTITIONS.has(type.toLowerCase()));
  if (strange.length > 0)
    return whole(
      `what is in ${strange.length === 1 ? 'partition' : 'partitions'} ${strange.map(({ number }) => number).join(', ')} is not recognised`,
    );
  if (table === null && signatures.length === 0) return whole('it is not empty, and what is on it is not recognised');
  if (table !== null && partitions.length === 0 && isBlankBeside === false)
    return whole('its partition table is empty, but the disk is not, and what is on it is not recognised');
  return null;
}

/** For people, in half a line. */
export function aboutContents(contents: DiskContents | undefined): string {
  if (contents === undefined) return 'contents not known';
  const { unread, system, signatures, partitions, table, isBlank } = contents;
  const also = unread === null ? '' : ` (could not be read in full: ${unread})`;
  if (system !== null) return `${system}${also}`;
  if (signatures.length > 0) return `${saidOnce(signatures)}${also}`;
  if (isBlank) return `blank${also}`;
  if (table === null) return `something that is not recognised${also}`;
  const count = partitions.length === 1 ? 'one partition' : `${partitions.length} partitions`;
  return `a ${table.toUpperCase()} partition table with ${count}${also}`;
}

const MAX_SAID = 4;

/** ZFS writes four labels a disk, and several file systems keep copies: each is named once. */
function saidOnce(signatures: readonly Signature[]): string {
  const said = [...new Set(signatures.map(({ about, type }) => (about === '' ? type : about)))];
  const more = said.length - MAX_SAID;
  return `${said.slice(0, MAX_SAID).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function whole(why: string): Protection {
  return { why, isFilesystem: false };
}
