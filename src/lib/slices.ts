// Long work on many things, cut up: whoever else waits for the event loop has a turn in between.

/** Maps them in order; after each slice the event loop goes round once. */
export async function mapInSlices<From, To>(items: readonly From[], size: number, map: (item: From) => To): Promise<To[]> {
  const mapped: To[] = [];
  for (let at = 0; at < items.length; at += size) {
    if (at > 0) await new Promise((resolve) => setImmediate(resolve));
    for (const item of items.slice(at, at + size)) mapped.push(map(item));
  }
  return mapped;
}
