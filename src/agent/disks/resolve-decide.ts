// Which disk of this machine an order means, and whether it may be written to. Pure: from what was found to a disk or a refusal in words.

import type { DiskRef } from '../../inspect/commands.ts';
import { contentItems, type DiskContents, UNRECOGNISED } from '../../inspect/disk-contents.ts';
import type { Disk } from '../../inspect/inventory.ts';

export type Found<D extends Disk> = { readonly disk: D } | { readonly refused: string };

const NAMED_AT_MOST = 8;

/** By what is printed on it; the kernel's name never counts. */
export function findDisk<D extends Disk>(ref: DiskRef, disks: readonly D[]): Found<D> {
  if (!isIdentity(ref)) {
    return {
      refused: `${ref.title} is named by nothing but its size (${ref.size} bytes): without serial, WWN and slot nobody knows which disk is meant`,
    };
  }
  const fits = disks.filter((disk) => isSame(ref, disk));
  const [first, ...more] = fits;
  if (first === undefined) {
    const there = disks.map(nameDisk).slice(0, NAMED_AT_MOST).join('; ');
    return {
      refused: `${ref.title} (${nameRef(ref)}) is not on this machine${there === '' ? ', which has no disks' : `; there are: ${there}`}`,
    };
  }
  if (more.length > 0) {
    return {
      refused: `${ref.title} (${nameRef(ref)}) could be any of ${fits.length} disks: ${fits.map(nameDisk).slice(0, NAMED_AT_MOST).join('; ')}`,
    };
  }
  return { disk: first };
}

/** A size is none: a disk that was put in later may have the same. */
function isIdentity({ serial, wwn, byPath }: DiskRef): boolean {
  return [serial, wwn, byPath].some((one) => (one ?? '') !== '');
}

function isSame(ref: DiskRef, disk: Disk): boolean {
  if (ref.size !== disk.size) return false;
  if (ref.serial === null && ref.wwn === null) {
    // Nothing is printed on it: then it is known by its place, and a disk with a name is another one.
    return disk.serial === null && disk.wwn === null && ref.byPath === disk.by_path;
  }
  return (ref.serial === null || ref.serial === disk.serial) && (ref.wwn === null || ref.wwn === disk.wwn);
}

/** Why it may not be written to whatever is on it; undefined: it may. `uses`: the kernel's name → what holds it. */
export function protectionOf(ref: DiskRef, disk: Disk, uses: ReadonlyMap<string, string>): string | undefined {
  const use = uses.get(disk.name);
  if (use !== undefined) return `${ref.title} (${nameDisk(disk)}) is in use: ${use}`;
  return disk.read_only ? `${ref.title} (${nameDisk(disk)}) takes no writes: it is set read-only` : undefined;
}

/** Why what is on it now may not be overwritten; undefined: it may. `isResumed`: an agent before this one began the order. */
export function objectionTo({ expects, title }: DiskRef, contents: DiskContents, isResumed: boolean): string | undefined {
  if (expects === null) return undefined;
  if (contents.unread !== null) return `${title} could not be looked at (${contents.unread}), so that nobody knows what would be lost`;
  const agreed = new Set(expects);
  // What was half erased or half written is bytes that nothing recognises. Where nothing was begun somebody else wrote them: they are news.
  const news = contentItems(contents).filter((item) => !agreed.has(item) && !(item === UNRECOGNISED && isResumed));
  if (news.length === 0) return undefined;
  const words = news.slice(0, 4).join(', ');
  return `${title} holds what it did not hold when somebody said yes: ${words}${news.length > 4 ? ` and ${news.length - 4} more` : ''}`;
}

/** The same disk for two orders would be written twice. */
export function firstTwice(refs: readonly DiskRef[], disks: readonly Disk[]): string | undefined {
  const seen = new Map<string, string>();
  for (const [index, disk] of disks.entries()) {
    const title = refs[index]?.title ?? '';
    const other = seen.get(disk.name);
    if (other !== undefined) return `${title} and ${other} are the same disk: ${nameDisk(disk)}`;
    seen.set(disk.name, title);
  }
  return undefined;
}

export function nameDisk({ name, model, serial, wwn, size }: Disk): string {
  const printed = [model, serial === null ? null : `serial ${serial}`, serial === null && wwn !== null ? `WWN ${wwn}` : null];
  return [name, ...printed.filter((one) => one !== null), `${size} bytes`].join(' ');
}

function nameRef({ serial, wwn, byPath, size }: DiskRef): string {
  const known = [
    serial === null ? null : `serial ${serial}`,
    wwn === null ? null : `WWN ${wwn}`,
    serial === null && wwn === null ? (byPath ?? 'without serial or WWN') : null,
  ];
  return [...known.filter((one) => one !== null), `${size} bytes`].join(', ');
}
