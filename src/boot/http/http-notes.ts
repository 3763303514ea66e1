// One line in the log for each answer of the boot listener and each silence, with its reason; a flood of refusals to one machine is noted
// once a minute.

import type { Clock, Log } from '../../lib/index.ts';

const ONCE_PER_MS = 60_000;
const MAX_PEERS = 1024;
const URL_CHARACTERS = 300;
/** Whoever knows the id of an installation can have its image, with the secret in it. */
const INSTALL_ID = /^(\/+boot\/+install\/+)[^/?]*/;

export interface HttpNote {
  readonly peer: string;
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly status: number;
  readonly reason: string;
  readonly bytes?: number;
  readonly isSmall?: boolean;
}

export function createHttpNotes(log: Log, clock: Clock): { note(note: HttpNote): void } {
  /** When a refusal was last told, by peer; the one told longest ago goes first. */
  const told = new Map<string, number>();

  function isNews(peer: string): boolean {
    const now = clock.monotonic();
    const last = told.get(peer);
    if (last !== undefined && now - last < ONCE_PER_MS) return false;
    told.delete(peer);
    told.set(peer, now);
    const [oldest] = told.keys();
    if (told.size > MAX_PEERS && oldest !== undefined) told.delete(oldest);
    return true;
  }

  return {
    note({ peer, method, url = '', status, reason, bytes, isSmall = false }) {
      const fields = {
        peer,
        method,
        url: withoutValues(url.replace(INSTALL_ID, '$1***')),
        status,
        reason,
        ...(bytes === undefined ? {} : { bytes }),
      };
      if (status < 400) log[isSmall ? 'debug' : 'info'](fields, 'boot listener answered');
      else if (isNews(peer)) log.warn(fields, 'boot listener refused; further refusals to this address are at level debug for a minute');
      else log.debug(fields, 'boot listener refused');
    },
  };
}

/** What a machine sends along is noted where it is understood; here it would only be long. */
function withoutValues(url: string): string {
  return (url.split('?', 1)[0] ?? '').slice(0, URL_CHARACTERS);
}
