// Which loader of a disk the firmware is to start, and in which order it tries things. Pure: from listings and efibootmgr's text to both.

export interface Loader {
  /** As the firmware wants it: \EFI\debian\shimx64.efi */
  readonly path: string;
  /** Of the system, for the name of the entry: debian. */
  readonly system: string;
}

export interface EfiFile {
  /** Below EFI: debian, BOOT. */
  readonly directory: string;
  readonly name: string;
}

const SUFFIX = { x86_64: 'x64', aarch64: 'aa64' } as const;

/** What signs and checks comes first; the removable path is what images without an installer have. */
export function chooseLoader(files: readonly EfiFile[], architecture: keyof typeof SUFFIX): Loader | undefined {
  const suffix = SUFFIX[architecture];
  const own = (name: string) => (file: EfiFile) => file.directory.toLowerCase() !== 'boot' && file.name.toLowerCase() === name;
  const order = [
    own(`shim${suffix}.efi`),
    own(`systemd-boot${suffix}.efi`),
    own(`grub${suffix}.efi`),
    ({ directory, name }: EfiFile) => directory.toLowerCase() === 'boot' && name.toLowerCase() === `boot${suffix}.efi`,
  ];
  const sorted = files.toSorted((a, b) => (a.directory < b.directory ? -1 : 1));
  const found = order.map((fits) => sorted.find(fits)).find((one) => one !== undefined);
  return found && { path: `\\EFI\\${found.directory}\\${found.name}`, system: found.directory.toLowerCase() };
}

export interface Entry {
  /** Four hex digits. */
  readonly number: string;
  readonly label: string;
  readonly isNetwork: boolean;
}

export interface BootOptions {
  readonly order: readonly string[];
  readonly entries: readonly Entry[];
}

/** `efibootmgr -v`: older versions put a tab between label and path, newer ones too. */
export function readBootOptions(text: string): BootOptions {
  const order = /^BootOrder:\s*([0-9A-Fa-f,]*)/m.exec(text)?.[1] ?? '';
  const entries = [...text.matchAll(/^Boot([0-9A-Fa-f]{4})\*?\s+([^\t\n]*)(?:\t(.*))?$/gm)].map(
    ([, number = '', label = '', path = '']) => ({
      number: number.toUpperCase(),
      label: label.trim(),
      isNetwork: /MAC\(|Uri\(/i.test(path) || (path === '' && /PXE|HTTP|Network/i.test(label)),
    }),
  );
  return {
    order: order
      .split(',')
      .filter((one) => one !== '')
      .map((one) => one.toUpperCase()),
    entries,
  };
}

export type Order = 'network-first' | 'disk-first' | 'leave';

/** The new entry in its place; numbers that are gone are left out, all others keep their order. */
export function orderWith(mine: string, { order, entries }: BootOptions, wanted: Order): string[] {
  const there = new Set(entries.map(({ number }) => number));
  const others = order.filter((one) => one !== mine && there.has(one));
  if (wanted === 'leave') return [...others, mine];
  const network = new Set(entries.filter(({ isNetwork }) => isNetwork).map(({ number }) => number));
  // An entry for the network that is in no order yet is one that the firmware would not try.
  const first = [...others.filter((one) => network.has(one)), ...[...network].filter((one) => !others.includes(one) && one !== mine)];
  const rest = others.filter((one) => !network.has(one));
  return wanted === 'network-first' ? [...first, mine, ...rest] : [mine, ...others];
}

/** What an earlier deployment of ours left; the label is how they are known. */
export const LABEL_PREFIX = 'rackseed ';

export function staleEntries({ entries }: BootOptions): readonly string[] {
  return entries.filter(({ label }) => label.startsWith(LABEL_PREFIX)).map(({ number }) => number);
}
