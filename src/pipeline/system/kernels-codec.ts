// Which kernel the machine would start next, from the names in /boot and Proxmox's pins. Pure.

/** By their numbers, as `sort -V` does; -pve kernels of Proxmox before others. */
export function newestKernel(names: readonly string[]): string | null {
  const versions = names.flatMap((name) => /^vmlinuz-(.+)$/.exec(name)?.[1] ?? []);
  const own = versions.filter((one) => one.endsWith('-pve'));
  return (own.length > 0 ? own : versions).toSorted(compare).at(-1) ?? null;
}

/** What starts next: the pin for one start, the pin for all, the newest. */
export function nextKernel(names: readonly string[], pins: { readonly once: string; readonly always: string }): string | null {
  return [pins.once.trim(), pins.always.trim()].find((one) => one !== '') ?? newestKernel(names);
}

function compare(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const [one, other] = [left[at] ?? '', right[at] ?? ''];
    if (one === other) continue;
    const [x, y] = [Number(one), Number(other)];
    if (Number.isNaN(x) || Number.isNaN(y)) return one < other ? -1 : 1;
    return x - y;
  }
  return 0;
}

function partsOf(version: string): string[] {
  return version.match(/\d+|[a-z]+/gi) ?? [];
}
