// /v1 over a whole life cycle whose deploy interface waits for an agent, as OpenStack's agent meets it.

import { onTestFinished } from 'vitest';
import { createRamdisk, type Ramdisk } from '../../../src/inspect/index.ts';
import { silentLog, systemClock, systemRandom } from '../../../src/lib/index.ts';
import type { Driver } from '../../../src/power/index.ts';
import { bootStockAgent, type Reply, type StockAgent } from '../../sim/stock-agent.ts';
import { instead, openWorld, type World } from '../lifecycle/world.ts';
import { ADMIN, type Harness, openApi } from './harness.ts';

export const MAC = '52:54:00:aa:00:01';
export const PEER = '192.0.2.50';
export const CALLBACK = `http://${PEER}:9999`;

export interface RamdiskWorld {
  readonly world: World;
  readonly ramdisk: Ramdisk;
  readonly app: Harness['app'];
  readonly enrolment: { mode: 'open' | 'closed' };
  send(method: 'GET' | 'POST', url: string, options?: SendOptions): Promise<Reply>;
  agent(): Promise<StockAgent>;
}

export interface SendOptions {
  readonly body?: object;
  readonly version?: string;
  readonly peer?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function openRamdisk(
  options: { readonly drivers?: (fake: readonly Driver[]) => readonly Driver[] } = {},
): Promise<RamdiskWorld> {
  const drivers = options.drivers ?? instead('deploy', () => ({ steps: [], runStep: () => Promise.resolve({}) }));
  const world = await openWorld({ clock: systemClock, drivers });
  const { store, nodes, life, gateway, records } = world;
  const enrolment: RamdiskWorld['enrolment'] = { mode: 'closed' };
  const ramdisk = createRamdisk({
    store,
    nodes,
    rules: records.rules,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    agentHeard: (uuid, word) => life.agentHeard(uuid, word),
    isEnrolmentOpen: () => Promise.resolve(enrolment.mode === 'open'),
    callbacksMayBeElsewhere: false,
    beats: { everyMs: 10, eachMs: 20 },
  });
  onTestFinished(() => ramdisk.stop());
  const { app } = await openApi({
    config: { publicUrl: 'https://seed.lan', limits: { agentBurst: 1000 } },
    services: (real) => ({
      ...real,
      nodes,
      ports: nodes.ports,
      records,
      lifecycle: life,
      hardware: gateway.registry,
      ramdisk,
      transaction: (work) => store.transaction(work),
    }),
  });
  const send: RamdiskWorld['send'] = async (method, url, { body, version, peer = PEER, headers = {} } = {}) => {
    const asked = version === undefined ? {} : { 'x-openstack-ironic-api-version': version };
    const payload = body === undefined ? {} : { payload: body };
    const response = await app.inject({ method, url, remoteAddress: peer, headers: { ...asked, ...headers }, ...payload });
    return { status: response.statusCode, body: response.body };
  };
  const agent = () =>
    bootStockAgent({
      send: (method, url, headers, body) => send(method, url, { headers, ...(body === undefined ? {} : { body }) }),
      macs: [MAC, '52:54:00:aa:00:02'],
      callbackUrl: CALLBACK,
      clock: systemClock,
      chance: Math.random,
      haste: 5000,
    });
  return { world, ramdisk, app, enrolment, send, agent };
}

export const ASKING = { headers: ADMIN, version: '1.96' } as const;
