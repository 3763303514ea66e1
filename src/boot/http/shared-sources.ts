// One open source per content, however many machines fetch it: the first opens it, the last closes it. Knows nothing of HTTP.

import type { ByteSource, Servable } from './servable.ts';

interface Shared {
  readonly source: Promise<ByteSource>;
  users: number;
}

export function shareSources(): { open(servable: Servable): Promise<ByteSource> } {
  const shared = new Map<string, Shared>();

  async function leave(key: string, entry: Shared): Promise<void> {
    entry.users -= 1;
    if (entry.users > 0) return;
    if (shared.get(key) === entry) shared.delete(key);
    const source = await entry.source.catch(() => undefined); // one that never opened needs no closing; who opened it was told
    await source?.close();
  }

  return {
    async open(servable) {
      const entry = shared.get(servable.etag) ?? { source: servable.open(), users: 0 };
      shared.set(servable.etag, entry);
      entry.users += 1;
      try {
        const source = await entry.source;
        return { read: (into, position) => source.read(into, position), close: () => leave(servable.etag, entry) };
      } catch (thrown) {
        await leave(servable.etag, entry);
        throw thrown;
      }
    },
  };
}
