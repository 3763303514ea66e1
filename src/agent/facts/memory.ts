// Memory: what the kernel has, and what is plugged in by DMI. Pure.

const UNIT_MIB: Readonly<Record<string, number>> = { kB: 1 / 1024, MB: 1, GB: 1024, TB: 1024 * 1024 };

/** Bytes of `MemTotal`. */
export function parseMeminfoTotal(text: string): number {
  return Number(/^MemTotal:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
}

/** MiB of all modules in `dmidecode --type 17`; null where the firmware lists none. */
export function parseMemoryModules(text: string): number | null {
  const modules = text.split(/\n\s*\n/).filter((block) => /^Memory Device$/m.test(block));
  let total = 0;
  for (const module of modules) {
    // "Volatile Size", "Cache Size" and the like stand in lines of their own; a persistent-memory module's capacity is not RAM.
    const [, amount, unit] = /^\s+Size: (\d+) (kB|MB|GB|TB)$/m.exec(module) ?? [];
    if (/^\s+Memory Technology: .*non-volatile/im.test(module)) continue;
    total += Number(amount ?? 0) * (UNIT_MIB[unit ?? ''] ?? 0);
  }
  return total > 0 ? Math.round(total) : null;
}
