// The client that pipelines have of one Proxmox VE node or member: opened with a pinned certificate, closed by whoever opened it.

import { type Clock, hostInUrl, type Log } from '../../lib/index.ts';
import { type Credentials, fingerprintOf, proxmoxUrl } from '../address-decide.ts';
import { createApiLink } from '../api-link.ts';
import { fail } from '../errors.ts';
import type { Pve } from '../seam.ts';
import { callPve } from './link.ts';
import { asLost, followTask, type TaskOptions } from './task.ts';

export interface PveOptions {
  /** Host name or address. */
  readonly address: string;
  /** 8006 unless told. */
  readonly port?: number;
  /** SHA-256 of its certificate, as Proxmox VE shows it. Another one: nothing is sent. */
  readonly fingerprint: string;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends everything that is under way. Tasks on the node go on. */
  readonly signal: AbortSignal;
}

export interface OpenedPve extends Pve {
  close(): void;
}

const PORT = 8006;

/** Says nothing to anybody yet. Throws proxmox.bad_url, .bad_fingerprint. */
export function openPve(options: PveOptions): OpenedPve {
  const { address, port = PORT, credentials, clock, log } = options;
  const url = proxmoxUrl(`https://${hostInUrl(address)}:${port}`);
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  const link = createApiLink({ url, fingerprint: fingerprintOf(options.fingerprint), credentials, clock, signal });
  const call: Pve['call'] = (method, path, params = {}) => callPve({ link, clock, signal, log }, method, path, params);
  return {
    address,
    call,
    task: async (method, path, params, { timeoutMs, onLine }) => {
      const about: TaskOptions = { pve: { address, call }, clock, signal, name: `${method} ${path}`, timeoutMs, onLine };
      const answer = await call(method, path, params).catch((thrown: unknown) => {
        throw asLost(thrown, about);
      });
      await followTask(answer, about);
    },
    close: () => over.abort(fail('proxmox.closed', { message: `the client of ${address} was closed`, hint: 'Open another one.' })),
  };
}
