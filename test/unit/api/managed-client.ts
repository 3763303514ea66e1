// A client of /v1 over a whole life cycle with fake machines, allocations whose worker runs, and one conductor.

import type { LightMyRequestResponse } from 'fastify';
import { onTestFinished } from 'vitest';
import { createConductors } from '../../../src/conductors/index.ts';
import { silentLog, systemClock, systemRandom } from '../../../src/lib/index.ts';
import type { Node, NodeInput } from '../../../src/nodes/index.ts';
import { type Allocations, createAllocations } from '../../../src/reservations/index.ts';
import { openWorld, type World } from '../lifecycle/world.ts';
import { ADMIN, bodyOf, openApi } from './harness.ts';

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'PUT';

export interface Managed {
  readonly world: World;
  readonly allocations: Allocations;
  readonly send: (method: Method, url: string, payload?: object, version?: string, headers?: object) => Promise<LightMyRequestResponse>;
  /** A node that can be given away. */
  readonly free: (name: string, input?: Partial<NodeInput>) => Promise<Node>;
  /** What the allocation has become when it is not `allocating` any more. */
  readonly settled: (ref: string) => Promise<Record<string, unknown>>;
}

export async function openManaged(options: { readonly isStill?: true } = {}): Promise<Managed> {
  const world = await openWorld({ clock: systemClock, ...options });
  const { store, nodes, life, gateway, records } = world;
  const common = { store, clock: systemClock, random: systemRandom, log: silentLog };
  const allocations = createAllocations({ ...common, nodes, holders: (uuids, on) => life.holders(uuids, on) });
  const conductors = createConductors({ ...common, hostname: 'rack-1', drivers: () => ['fake-hardware', 'ipmi'] });
  const { app } = await openApi({
    config: { publicUrl: 'https://seed.lan' },
    services: (real) => ({
      ...real,
      nodes,
      ports: nodes.ports,
      records,
      allocations,
      conductors,
      lifecycle: life,
      hardware: gateway.registry,
      transaction: (work) => store.transaction(work),
    }),
  });
  await conductors.start(new AbortController().signal);
  await allocations.start(new AbortController().signal);
  onTestFinished(async () => {
    await allocations.stop();
    await conductors.stop();
  });
  const send: Managed['send'] = (method, url, payload, version = 'latest', headers = ADMIN) =>
    app.inject({
      method,
      url: `/v1${url}`,
      headers: { ...headers, 'x-openstack-ironic-api-version': version },
      ...(payload === undefined ? {} : { payload }),
    });
  return {
    world,
    allocations,
    send,
    free: async (name, input = {}) => world.put(await world.enrol(name, { resourceClass: 'large', ...input }), 'available'),
    settled: async (ref) => {
      for (const end = performance.now() + 30_000; ; await systemClock.sleep(20)) {
        const body = bodyOf(await send('GET', `/allocations/${ref}`));
        if (body.state !== 'allocating') return body;
        if (performance.now() > end) throw new Error(`allocation ${ref} is still allocating`);
      }
    },
  };
}
