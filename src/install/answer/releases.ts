// Which installer an ISO has: the rules of answer files go by the version of the installer's package, people by that of the product. One
// package serves all products; which version an ISO carries is read from the dates of its change log and of the products' releases. Where
// two versions fit, the older stands here: what it knows, the newer knows too. Pure data and the comparing of versions.

import { PRODUCTS, type Product } from '../seam.ts';

/** "9.1.7" */
export type Version = string;

/** The first release of each product that can install unattended, and all after it, the oldest first. */
export const INSTALLERS: Readonly<Record<Product, Readonly<Record<string, Version>>>> = {
  pve: { '8.2': '8.2.5', '8.3': '8.3.3', '8.4': '8.4.6', '9.0': '9.0.7', '9.1': '9.1.1', '9.2': '9.2.5' },
  // 4.1 and 4.2 are placed by their dates alone.
  pbs: { '3.2': '8.2.5', '3.3': '8.3.4', '3.4': '8.4.6', '4.0': '9.0.7', '4.1': '9.1.2', '4.2': '9.2.0' },
  // 8.1 is of February 2024, two months before the unattended installer; 8.2 has the installer of that month, which has no FQDN from DHCP
  // and no power-off yet. 9.1 is placed as the same-time VE.
  pmg: { '8.2': '8.4.2', '9.0': '9.0.9', '9.1': '9.1.1' },
  // 0.9 was the beta. 1.1 is placed by its date alone.
  pdm: { '0.9': '9.0.7', '1.0': '9.1.6', '1.1': '9.2.0' },
};

/** The newest installer whose rules these are. */
export const NEWEST: Version = '9.2.7';

export const TITLES: Readonly<Record<Product, string>> = {
  pve: 'Proxmox VE',
  pbs: 'Proxmox Backup Server',
  pmg: 'Proxmox Mail Gateway',
  pdm: 'Proxmox Datacenter Manager',
};

export interface InstallerRelease {
  readonly product: Product;
  readonly release: string;
  readonly installer: Version;
  /** Newer than these rules. */
  readonly isUnknown: boolean;
}

/** What installs it, or why nothing does. Of Proxmox VE three numbers name the installer itself: 9.1.7. */
export function releaseOf(product: string, release: string): InstallerRelease | { readonly problem: string; readonly fix: string } {
  const known = PRODUCTS.find((one) => one === product);
  if (known === undefined) return { problem: `"${product}" is no product`, fix: `Write one of ${PRODUCTS.join(', ')}.` };
  const releases = INSTALLERS[known];
  const names = Object.keys(releases);
  const fix = `Releases that install unattended: ${names.join(', ')}.`;
  if (!/^\d{1,3}\.\d{1,3}(?:\.\d{1,3})?$/.test(release)) return { problem: `"${release}" is no release of ${TITLES[known]}`, fix };
  const short = release.split('.').slice(0, 2).join('.');
  const installer = releases[short];
  if (installer !== undefined) return { product: known, release, installer: refined(known, release, installer), isUnknown: false };
  if (isAtLeast(short, names.at(-1) ?? '')) return { product: known, release, installer: NEWEST, isUnknown: true };
  const before = names.findLast((name) => isAtLeast(short, name));
  if (before === undefined) return { problem: `${TITLES[known]} ${release} can not install unattended: that came with ${names[0]}`, fix };
  return { problem: `there is no ${TITLES[known]} ${release}`, fix };
}

function refined(product: Product, release: string, installer: Version): Version {
  return product === 'pve' && release.split('.').length === 3 ? release : installer;
}

export function isAtLeast(version: string, least: string): boolean {
  const [left, right] = [version, least].map((text) => text.split('.').map(Number));
  for (let part = 0; part < 3; part += 1) {
    const difference = (left?.[part] ?? 0) - (right?.[part] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** In the product's own numbers where one is known: "Proxmox VE 9.2". */
export function sinceWhen(product: Product, since: Version): string {
  const first = Object.entries(INSTALLERS[product]).find(([, installer]) => isAtLeast(installer, since));
  return first === undefined ? `installer ${since}` : `${TITLES[product]} ${first[0]}`;
}
