// Quantiles of figures that are sorted already.

/** Share 0.99: what all but one in a hundred stay below. */
export function quantile(sorted: readonly number[], share: number): number {
  const figure = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  if (figure === undefined) throw new RangeError('a quantile of no figures');
  return figure;
}
