// So many at once and no more, first come first served. The number may turn out to be lower.

export interface Slots {
  /** Rejects with the signal's reason. */
  take(signal: AbortSignal): Promise<() => void>;
  /** No more than run now: there was no room for one more. */
  narrow(): void;
  readonly taken: number;
}

export function createSlots(limit: number): Slots {
  let most = limit;
  let taken = 0;
  const waiting = new Set<() => void>();

  const next = (): void => {
    for (const go of waiting) {
      if (taken >= most) return;
      waiting.delete(go);
      taken += 1;
      go();
    }
  };
  const releaser = (): (() => void) => {
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      taken -= 1;
      next();
    };
  };
  return {
    take: async (signal) => {
      signal.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const abort = (): void => {
        waiting.delete(resolve);
        reject(signal.reason);
      };
      waiting.add(resolve);
      signal.addEventListener('abort', abort, { once: true });
      next();
      try {
        await promise;
      } finally {
        signal.removeEventListener('abort', abort);
      }
      return releaser();
    },
    narrow: () => {
      most = Math.max(1, taken - 1);
    },
    get taken() {
      return taken;
    },
  };
}
