// Is a machine slower than others of its kind? By median and median absolute deviation, which one odd machine among them does not move. Pure.

export type Figures = Readonly<Record<string, number>>;

/** With fewer others nothing can be said. */
const OTHERS_MIN = 3;
/** Of a normal distribution, the MAD times this is the standard deviation. */
const MAD_TO_SIGMA = 1.4826;
const SIGMAS = 3;
/** What machines of one kind differ by for no reason, also where all others are alike. */
const LEAST_SHARE = 0.1;
/** Counts, not speeds. */
const NOT_COMPARED: ReadonlySet<string> = new Set(['cpu_threads', 'memory_tested_mib']);

/** A line for each figure that stands out as too low. */
export function slowFigures(own: Figures, others: readonly Figures[]): string[] {
  return Object.entries(own).flatMap(([name, value]) => {
    const values = others.flatMap((figures) => figures[name] ?? []);
    if (values.length < OTHERS_MIN || NOT_COMPARED.has(name)) return [];
    const middle = median(values);
    const spread = MAD_TO_SIGMA * median(values.map((one) => Math.abs(one - middle)));
    if (middle - value <= Math.max(SIGMAS * spread, LEAST_SHARE * middle)) return [];
    const percent = Math.round((1 - value / middle) * 100);
    return [`${name} is ${value}, ${percent} % below the ${middle} of ${values.length} machines of its kind`];
  });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? upper) + upper) / 2;
}
