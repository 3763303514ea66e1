// The API over a real store, real nodes and a real task engine, without a port. Only the appliance around them is played.

import type { LightMyRequestResponse } from 'fastify';
import { pino } from 'pino';
import { Type } from 'typebox';
import { onTestFinished } from 'vitest';
import { type AccessOptions, createAccess } from '../../../src/access/index.ts';
import {
  type ApiApp,
  type ApiConfig,
  type ApiDeps,
  type ApiServices,
  buildApi,
  createTaskService,
  type Identity,
} from '../../../src/api/index.ts';
import { createConductors } from '../../../src/conductors/index.ts';
import { createInspect, createOrders } from '../../../src/inspect/index.ts';
import { createDeployments, createImageFiles } from '../../../src/install/index.ts';
import { type Clock, parseMac, silentLog, systemRandom } from '../../../src/lib/index.ts';
import { createNodes, createRecords, type Node, type NodeInput, type Nodes } from '../../../src/nodes/index.ts';
import { createAllocations } from '../../../src/reservations/index.ts';
import type { Store } from '../../../src/store/index.ts';
import { createTaskEngine, defineTask, done, type TaskEngine } from '../../../src/tasks/index.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { openTestStore } from '../../support/store.ts';
import { checkReplies } from './reply-check.ts';

export const TOKENS: Readonly<Record<string, Identity>> = {
  'admin-token': { name: 'ada', role: 'admin' },
  'operator-token': { name: 'olga', role: 'operator' },
  'member-token': { name: 'mia', role: 'member' },
  'reader-token': { name: 'rita', role: 'reader' },
};
export const ADMIN = { authorization: 'Bearer admin-token' } as const;

export interface Harness {
  readonly app: ApiApp;
  readonly store: Store;
  readonly nodes: Nodes;
  readonly tasks: TaskEngine;
  readonly clock: FakeClock;
  readonly services: ApiServices;
  /** Lines that were logged, parsed. */
  readonly logged: Record<string, unknown>[];
  readonly get: (url: string, headers?: Record<string, string>) => Promise<LightMyRequestResponse>;
}

export interface HarnessOptions {
  readonly services?: (real: ApiServices) => ApiServices;
  readonly config?: Partial<ApiConfig>;
  readonly clock?: Clock;
  readonly imageDirectory?: string;
  readonly onReport?: (uuid: string) => Promise<void>;
  /** For auth.mode basic. */
  readonly basic?: NonNullable<AccessOptions['basic']>;
}

export const SESSION_TIMES = { idleMs: 12 * 3_600_000, absoluteMs: 168 * 3_600_000 } as const;

export const WAITING_TASK = defineTask({
  kind: 'test.wait',
  title: 'Wait',
  args: Type.Object({}),
  steps: [{ name: 'wait', title: 'Wait', timeoutMs: 1000, run: () => Promise.resolve(done()) }],
});

export async function openApi(options: HarnessOptions = {}): Promise<Harness> {
  const harness = await prepareApi(options);
  const app = buildApi(harness.deps);
  onTestFinished(() => app.close());
  checkReplies(app);
  await app.ready();
  const get: Harness['get'] = (url, headers = ADMIN) => app.inject({ method: 'GET', url, headers });
  return { ...harness, app, get };
}

/** Everything but the app itself. */
export async function prepareApi(options: HarnessOptions = {}): Promise<Omit<Harness, 'app' | 'get'> & { readonly deps: ApiDeps }> {
  const clock = createFakeClock();
  const store = await openTestStore();
  const common = { store, clock, random: systemRandom, log: silentLog };
  const nodes = createNodes(common);
  const tasks = createTaskEngine({ ...common, definitions: [WAITING_TASK], holder: 'test' });
  const access = await createAccess({ ...common, times: SESSION_TIMES, ...(options.basic === undefined ? {} : { basic: options.basic }) });
  onTestFinished(() => access.stop());
  const real: ApiServices = {
    transaction: (work) => store.transaction(work),
    auth: { verify: async (token) => TOKENS[token] ?? (await access.tokens.verify(token)) },
    access,
    system: {
      status: () =>
        Promise.resolve({ dhcpMode: 'proxy', isObserveOnly: false, warnings: [{ code: 'test.warning', message: 'look', hint: null }] }),
      readiness: () => Promise.resolve([{ name: 'store', isReady: true, reason: null }]),
    },
    nodes,
    // Its worker stands still: a test that wants nodes found calls match() or start().
    allocations: createAllocations({ ...common, nodes, holders: () => Promise.resolve(new Map()) }),
    conductors: createConductors({ ...common, hostname: 'seed', drivers: () => ['fake-hardware'] }),
    ports: nodes.ports,
    records: createRecords({ ...common, nodes }),
    reasons: store.reasons,
    events: store.events,
    tasks: createTaskService(store, tasks),
    enrolment: playedEnrolment(clock),
    inspect: createInspect({ ...common, nodes, orders: createOrders({ ...common, nodes }) }),
    deployments: createDeployments({
      ...common,
      nodes,
      images: createImageFiles({ directory: options.imageDirectory ?? '/var/lib/rackseed/images', named: [] }),
      certificate: null,
      fetch: () => Promise.reject(new Error('nobody fetches in these tests')),
      onReport: options.onReport ?? (() => Promise.resolve()),
    }),
    network: { status: () => PLAYED_NETWORK, warnings: () => [], probe: () => Promise.resolve() },
  };
  const services = options.services?.(real) ?? real;
  const logged: Record<string, unknown>[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void logged.push(parsed(line)) });
  // The clock stands still: a locked node would be waited for till the end of the test.
  const limits = { lockWaitMs: 0, ...options.config?.limits };
  const config: ApiConfig = { listen: { host: '127.0.0.1', port: 0 }, authMode: 'token', ...options.config, limits };
  const deps: ApiDeps = { services, config, tls: null, log, clock: options.clock ?? clock, random: systemRandom, version: '1.2.3' };
  return { store, nodes, tasks, clock, services, logged, deps };
}

export const PLAYED_NETWORK: ReturnType<ApiServices['network']['status']> = {
  dhcp: {
    mode: 'full',
    state: 'standing-aside',
    reason: '192.0.2.1 gives addresses on eth0',
    interfaces: [
      {
        name: 'eth0',
        address: '192.0.2.9',
        state: 'standing-aside',
        reason: '192.0.2.1 gives addresses on eth0',
        hint: 'switch it off',
        otherServers: [
          { address: '192.0.2.1', mac: null, role: 'addresses', evidence: 'it sent OFFER', firstSeenAt: 1000, lastSeenAt: 2000 },
        ],
      },
    ],
    counters: { received: 7, sent: 3 },
  },
  dhcp6: { mode: 'stateless', counters: { sent: 4 } },
  tftp: { listen: '0.0.0.0:69', counters: { completed: 2 } },
  http: {
    listen: '0.0.0.0:6386',
    counters: { requests: 5 },
    downloads: [
      { peer: '192.0.2.77', file: 'agent/initrd-amd64', sent: 10, total: 20, bytesPerSecond: 4.6, state: 'sending', startedAt: 3000 },
    ],
  },
};

export async function addNode(
  { store, nodes }: Pick<Harness, 'store' | 'nodes'>,
  name: string,
  more: Partial<NodeInput> & { readonly mac?: string } = {},
): Promise<Node> {
  const { mac, ...input } = more;
  const address = parseMac(mac ?? '');
  const ports = address === undefined ? [] : [{ address }];
  return store.transaction((tx) =>
    nodes.create(tx, { driver: 'manual-management', name, ports, ...input }, { who: 'user', actor: 'test' }),
  );
}

/** The JSON of a reply, for looking into. */
export function bodyOf(response: LightMyRequestResponse): Record<string, unknown> {
  return parsed(response.body);
}

export function parsed(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new Error(`not a JSON object: ${text.slice(0, 200)}`);
  return { ...value };
}

function playedEnrolment(clock: Clock): ApiServices['enrolment'] {
  let state: Awaited<ReturnType<ApiServices['enrolment']['get']>> = { mode: 'closed', until: null };
  return {
    get: () => Promise.resolve(state),
    set: (mode, minutes) => {
      state = { mode, until: minutes === null ? null : clock.now() + minutes * 60_000 };
      return Promise.resolve(state);
    },
  };
}
