// What `.cd-info` of an installer ISO says: shell assignments that its initrd sources. Knows nothing of ISOs.

import { type Edition, PRODUCTS, type Product } from '../seam.ts';

export interface CdInfo extends Edition {
  /** "proxmox-ve" */
  readonly isoName: string;
}

export const CD_INFO_MAX_BYTES = 16 * 1024;
/** The first whose installer runs unattended. Of the other products the flag file alone says. */
export const FIRST_AUTOMATED_PVE = '8.2';

const NAMES: Readonly<Record<Product, { readonly title: string; readonly isoName: string }>> = {
  pve: { title: 'Proxmox VE', isoName: 'proxmox-ve' },
  pbs: { title: 'Proxmox Backup Server', isoName: 'proxmox-backup-server' },
  pmg: { title: 'Proxmox Mail Gateway', isoName: 'proxmox-mail-gateway' },
  pdm: { title: 'Proxmox Datacenter Manager', isoName: 'proxmox-datacenter-manager' },
};
const LINE = /^\s*([A-Z_]+)=(?:'([^']*)'|"([^"]*)"|([^\s'"]*))\s*$/;
const RELEASE = /^\d{1,3}(?:\.\d{1,3}){0,2}$/;
const ISO_RELEASE = /^[A-Za-z0-9.+~-]{1,32}$/;
const ISO_NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;
const TITLE_MAX = 64;

/** The pairs that are there, whatever they are. */
export function assignmentsIn(text: string): ReadonlyMap<string, string> {
  const pairs = text.split(/\r?\n/).flatMap((line) => {
    const [, key, single, double, bare] = LINE.exec(line) ?? [];
    return key === undefined ? [] : [[key, single ?? double ?? bare ?? ''] as const];
  });
  return new Map(pairs);
}

/** A text says what is wrong with it. */
export function parseCdInfo(text: string): CdInfo | string {
  const pairs = assignmentsIn(text);
  const product = PRODUCTS.find((one) => one === pairs.get('PRODUCT'));
  if (product === undefined) return `PRODUCT is ${quoted(pairs.get('PRODUCT'))}, and none of ${PRODUCTS.join(', ')}`;
  const release = pairs.get('RELEASE');
  if (release === undefined || !RELEASE.test(release)) return `RELEASE is ${quoted(release)}, and no number such as 9.1`;
  const isoRelease = pairs.get('ISORELEASE') ?? '';
  if (!ISO_RELEASE.test(isoRelease)) return `ISORELEASE is ${quoted(pairs.get('ISORELEASE'))}`;
  const title = pairs.get('PRODUCTLONG')?.slice(0, TITLE_MAX) ?? '';
  const isoName = pairs.get('ISONAME') ?? '';
  return {
    product,
    title: /^[\x20-\x7e]+$/.test(title) ? title : NAMES[product].title,
    release,
    isoRelease,
    isoName: ISO_NAME.test(isoName) ? isoName : NAMES[product].isoName,
  };
}

/** Below zero, zero, above: as sort wants it. By numbers: 8.10 is newer than 8.9. */
export function compareEditions(a: Pick<Edition, 'release' | 'isoRelease'>, b: Pick<Edition, 'release' | 'isoRelease'>): number {
  return compareReleases(a.release, b.release) || compareReleases(a.isoRelease, b.isoRelease);
}

export function compareReleases(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

function quoted(value: string | undefined): string {
  return value === undefined ? 'not there' : JSON.stringify(value.slice(0, TITLE_MAX));
}
