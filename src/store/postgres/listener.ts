// Hears from other appliances that events were committed. A connection of its own; when it is lost, it comes back, and
// wakes the readers because something may have been missed.

import { Client, type ClientConfig } from 'pg';
import type { Clock, Log, Random } from '../../lib/index.ts';

export const CHANNEL = 'rackseed_events';
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;

export interface ListenerOptions {
  readonly config: ClientConfig;
  /** Our own announcements carry this and are not heard. */
  readonly instance: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly translate: (thrown: unknown) => Error;
}

export class Listener {
  readonly #options: ListenerOptions;
  readonly #stop = new AbortController();
  #client: Client | undefined;
  #wake: () => void = () => undefined;
  #returning: Promise<void> | undefined;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  async start(wake: () => void): Promise<void> {
    this.#wake = wake;
    await this.#connect();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#returning;
    const client = this.#client;
    this.#client = undefined;
    await client?.end();
  }

  async #connect(): Promise<void> {
    const client = new Client(this.#options.config);
    const lost = (thrown?: Error): void => this.#lose(client, thrown);
    client.on('error', lost);
    client.on('end', () => lost());
    client.on('notification', ({ payload }) => {
      if (payload !== this.#options.instance) this.#wake();
    });
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
    } catch (thrown) {
      client.end().catch(() => undefined); // it never stood; the reason is thrown below
      throw this.#options.translate(thrown);
    }
    this.#client = client;
  }

  #lose(client: Client, thrown: Error | undefined): void {
    if (this.#client !== client || this.#stop.signal.aborted) return;
    this.#client = undefined;
    client.end().catch(() => undefined); // it is gone already
    this.#options.log.warn({ err: thrown }, 'the connection that hears of events was lost; trying to get it back');
    this.#returning ??= this.#return().finally(() => {
      this.#returning = undefined;
    });
  }

  async #return(): Promise<void> {
    const { clock, random, log } = this.#options;
    for (let delay = FIRST_DELAY_MS; !this.#stop.signal.aborted; delay = Math.min(delay * 2, LONGEST_DELAY_MS)) {
      try {
        await clock.sleep(delay * (0.5 + random.float() / 2), this.#stop.signal);
        await this.#connect();
        log.info({}, 'the connection that hears of events is back');
        this.#wake();
        return;
      } catch (thrown) {
        if (this.#stop.signal.aborted) return;
        log.debug({ err: thrown }, 'still no connection to hear of events');
      }
    }
  }
}
