// The limit of ZFS's cache in /etc/modprobe.d (modprobe.d(5)). Pure.

export const PATH = '/etc/modprobe.d/zfs.conf';
/** Of the running module; 0: its own choice. */
export const RUNNING = '/sys/module/zfs/parameters/zfs_arc_max';

/** The last one counts, as for modprobe. */
export function readArcMax(text: string): number | null {
  const values = [...text.matchAll(/^\s*options\s+zfs\s(?:.*\s)?zfs_arc_max=(\d+)/gm)].map(([, value]) => Number(value));
  return values.at(-1) ?? null;
}

export function withArcMax(text: string, bytes: number): string {
  const rest = text
    .split('\n')
    .map((line) => (/^\s*options\s+zfs\s/.test(line) ? line.replaceAll(/\s+zfs_arc_max=\S*/g, '') : line))
    // One that said nothing else.
    .filter((line) => !/^\s*options\s+zfs\s*$/.test(line))
    .join('\n')
    .replace(/\n+$/, '');
  return `${rest === '' ? '' : `${rest}\n`}options zfs zfs_arc_max=${bytes}\n`;
}
