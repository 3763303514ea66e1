// What `efibootmgr -v` tells of a machine's boot entries, and the order in which it shall try them. Pure.

export interface BootEntry {
  /** Four hexadecimal digits, upper case. */
  readonly number: string;
  readonly label: string;
  readonly isActive: boolean;
  readonly isNetwork: boolean;
  /** GUID of the partition that its loader is on, lower case. */
  readonly partition: string | null;
}

export interface BootOptions {
  readonly current: string | null;
  readonly order: readonly string[];
  readonly entries: readonly BootEntry[];
}

/** A tab stands between label and path, of version 15 as of 18; an entry without a path is known by its label. */
export function readBootOptions(text: string): BootOptions {
  const order = /^BootOrder:[ \t]*([0-9A-Fa-f,]*)/m.exec(text)?.[1] ?? '';
  return {
    current: /^BootCurrent:[ \t]*([0-9A-Fa-f]{4})/m.exec(text)?.[1]?.toUpperCase() ?? null,
    order: order
      .split(',')
      .filter((one) => one !== '')
      .map((one) => one.toUpperCase()),
    entries: [...text.matchAll(/^Boot([0-9A-Fa-f]{4})(\*?)[ \t]+([^\t\n]*)(?:\t(.*))?$/gm)].map(
      ([, number = '', star, label = '', path = '']) => ({
        number: number.toUpperCase(),
        label: label.trim(),
        isActive: star === '*',
        isNetwork: /MAC\(|Uri\(/i.test(path) || (path === '' && /PXE|HTTP|Network/i.test(label)),
        partition: /HD\(\d+,GPT,([0-9a-f-]{36})/i.exec(path)?.[1]?.toLowerCase() ?? null,
      }),
    ),
  };
}

export type Order = 'network-first' | 'disk-first';

export type OrderPlan =
  | { readonly is: 'plan'; readonly order: readonly string[]; readonly activate: readonly string[] }
  | { readonly is: 'none-for-network' }
  | { readonly is: 'none-for-disk' };

/** `partitions`: the GUIDs of those that this machine has; an entry for any other is not its system. All others keep their order. */
export function planOrder({ current, order, entries }: BootOptions, wanted: Order, partitions: ReadonlySet<string>): OrderPlan {
  const known = new Set(entries.map(({ number }) => number));
  const kept = order.filter((one) => known.has(one));
  const isFirst = ({ isNetwork, partition }: BootEntry): boolean =>
    wanted === 'network-first' ? isNetwork : partition !== null && partitions.has(partition);
  const first = entries.filter(isFirst);
  if (first.length === 0) return { is: wanted === 'network-first' ? 'none-for-network' : 'none-for-disk' };
  const numbers = new Set(first.map(({ number }) => number));
  // One that is in no order is not tried: it goes behind those of its kind that are.
  const front = [...kept.filter((one) => numbers.has(one)), ...[...numbers].filter((one) => !kept.includes(one))];
  const isOwn = wanted === 'disk-first' && current !== null && numbers.has(current);
  return {
    is: 'plan',
    order: [...(isOwn ? [current, ...front.filter((one) => one !== current)] : front), ...kept.filter((one) => !numbers.has(one))],
    activate: first.filter(({ isActive }) => !isActive).map(({ number }) => number),
  };
}
