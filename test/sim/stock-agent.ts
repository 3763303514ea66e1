// OpenStack's agent as an Ironic sees it, by what ironic-python-agent does (ironic_api_client.py, agent.py, 2026): it asks for the version
// there is and takes at most 1.68, looks up until it is answered, keeps its token, beats with jitter, and tries again when the node is busy.

import type { Clock } from '../../src/lib/index.ts';

export interface Reply {
  readonly status: number;
  readonly body: string;
}

/** How it reaches the appliance: over a network, or into it. */
export type Send = (method: 'GET' | 'POST', path: string, headers: Readonly<Record<string, string>>, body?: object) => Promise<Reply>;

export interface StockAgentOptions {
  readonly send: Send;
  readonly macs: readonly string[];
  readonly callbackUrl: string;
  readonly clock: Pick<Clock, 'sleep'>;
  /** From 0 to 1. */
  readonly chance: () => number;
  /** Shortens every pause, so that a test need not wait for minutes. */
  readonly haste: number;
}

export interface StockAgent {
  readonly version: string;
  readonly token: string | null;
  readonly node: Readonly<Record<string, unknown>>;
  readonly config: Readonly<Record<string, unknown>>;
  beat(more?: object): Promise<Reply>;
  /** Until the signal says that the machine was switched off. Resolves with how many beats were taken. */
  live(signal: AbortSignal): Promise<number>;
}

const NEWEST = 68;
const FALLBACK = 31;
const TOKEN_LENGTH = 32;
const JITTER = { least: 0.3, most: 0.6 } as const;
const LOOKUP_PAUSE_MS = 1000;
const LOOKUP_TRIES = 50;
const CONFLICT = 409;

export async function bootStockAgent(options: StockAgentOptions): Promise<StockAgent> {
  const version = `1.${Math.min(NEWEST, await serverMinor(options))}`;
  const headers = { 'x-openstack-ironic-api-version': version, accept: 'application/json' };
  const content = await lookup(options, headers);
  const config = recordOf(content.config);
  const node = recordOf(content.node);
  const given = config.agent_token;
  // "******" is somebody else's: it goes on without and is refused at its first beat.
  const token = typeof given === 'string' && given.length >= TOKEN_LENGTH ? given : null;
  const path = `/v1/heartbeat/${String(node.uuid)}`;
  const beat: StockAgent['beat'] = (more = {}) =>
    options.send('POST', path, headers, {
      callback_url: options.callbackUrl,
      agent_token: token,
      agent_version: '11.0.1',
      ...more,
    });
  return {
    version,
    token,
    node,
    config,
    beat,
    live: async (signal) => {
      for (let taken = 0; ; ) {
        const { status } = await beat();
        if (status === 202) taken += 1;
        // Busy is tried again soon; anything else at the next beat.
        const seconds =
          status === CONFLICT ? 5 : Number(config.heartbeat_timeout) * (JITTER.least + (JITTER.most - JITTER.least) * options.chance());
        await options.clock.sleep((seconds * 1000) / options.haste, signal).catch(() => undefined);
        if (signal.aborted) return taken;
      }
    },
  };
}

async function serverMinor({ send }: StockAgentOptions): Promise<number> {
  const { status, body } = await send('GET', '/', {});
  if (status !== 200) return FALLBACK;
  const [, minor] = String(recordOf(recordOf(JSON.parse(body)).default_version).version).split('.');
  return Number(minor);
}

async function lookup(options: StockAgentOptions, headers: Readonly<Record<string, string>>): Promise<Record<string, unknown>> {
  let last: Reply | undefined;
  for (let attempt = 0; attempt < LOOKUP_TRIES; attempt += 1) {
    last = await options.send('GET', `/v1/lookup?addresses=${encodeURIComponent(options.macs.join(','))}`, headers);
    if (last.status === 200) {
      const content = recordOf(JSON.parse(last.body));
      if ('config' in content && 'uuid' in recordOf(content.node)) return content;
    }
    await options.clock.sleep((LOOKUP_PAUSE_MS * (attempt + 1)) / options.haste);
  }
  throw new Error(`Could not look up node info: ${String(last?.status)} ${String(last?.body)}`);
}

function recordOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new Error(`no object: ${String(value)}`);
  return { ...value };
}
