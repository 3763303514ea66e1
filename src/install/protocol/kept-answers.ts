// Answers that are made before they are asked for, while the machine still loads its installer, so that the request costs a look-up. In
// memory alone: whoever is started anew makes them when they are asked for.

import { Secret } from '../../lib/index.ts';

export interface KeptAnswers {
  /** The one that is there or under way, else it is made by this and kept. One that could not be made is not kept. */
  of(uuid: string, base: string, make: () => Promise<string>): Promise<Secret>;
  forget(uuid: string): void;
}

/** 4 kB each; more machines than a site installs at once. The one that was wanted longest ago goes first. */
const KEPT_MAX = 512;

export function createKeptAnswers(): KeptAnswers {
  const kept = new Map<string, { readonly base: string; readonly made: Promise<Secret> }>();

  function keep(uuid: string, base: string, made: Promise<Secret>): void {
    kept.delete(uuid);
    kept.set(uuid, { base, made });
    const oldest = kept.keys().next();
    if (kept.size > KEPT_MAX && oldest.done !== true) kept.delete(oldest.value);
  }

  return {
    of(uuid, base, make) {
      const known = kept.get(uuid);
      // It names the address of ours by which the machine asks.
      const made = known?.base === base ? known.made : make().then((text) => new Secret(text));
      keep(uuid, base, made);
      made.catch(() => {
        if (kept.get(uuid)?.made === made) kept.delete(uuid);
      });
      return made;
    },
    forget: (uuid) => void kept.delete(uuid),
  };
}
