// Enrolment with everything below it: store, nodes, tasks and the life cycle are real; the machine's deploy interface and the desk of its
// agent are played.

import { onTestFinished } from 'vitest';
import { createTaking } from '../../../src/app-enrol.ts';
import type { Config } from '../../../src/config/index.ts';
import { createEnrol, type Enrol, type EnrolOptions } from '../../../src/enrol/index.ts';
import type { InventoryRequest } from '../../../src/inspect/index.ts';
import { parseMac, silentLog, systemClock, systemRandom } from '../../../src/lib/index.ts';
import type { Node } from '../../../src/nodes/index.ts';
import type { Driver } from '../../../src/power/index.ts';
import { type PlayedDesk, playedDesk } from '../../support/desk.ts';
import { openWorld, type World } from '../lifecycle/world.ts';

type Rule = Config['rule'][number];
type Profile = Config['profile'][number];

export const OLGA = { who: 'user', actor: 'olga' } as const;

export function rule(more: Partial<Rule> = {}): Rule {
  return {
    name: 'minis',
    match: { manufacturer: 'Example' },
    profile: 'web',
    name_pattern: 'web{n}',
    auto_approve: false,
    overwrite_filesystems: false,
    ...more,
  };
}

export function profile(more: Partial<Profile> = {}): Profile {
  return {
    name: 'web',
    os: 'image',
    image: 'http://images/web.raw',
    wipe: 'os',
    variables: {},
    resource_class: 'mini',
    ...more,
  } as Profile; // the rest has defaults that are not looked at
}

export interface EnrolWorld extends World {
  readonly enrolment: Enrol;
  readonly played: PlayedDesk;
  /** What the deploy interface was told to do: NODE STEP. */
  readonly ran: string[];
  readonly given: unknown[];
  readonly window: { since: number | null };
  /** As the agent's first report makes it. */
  discover(report: InventoryRequest): Promise<Node>;
  /** The same machine reports again. */
  again(node: Node, report: InventoryRequest): Promise<string | null>;
  row(node: Node): Promise<{ state: string; reason: string; name: string | null; rule: string | null; profile: string | null } | undefined>;
  reachesRow(node: Node, state: string): Promise<string>;
}

export interface EnrolWorldOptions {
  readonly rules?: readonly Rule[];
  readonly profiles?: readonly Profile[];
  /** Throws when the step is to fail. */
  readonly act?: (step: string, node: string) => void | Promise<void>;
  readonly waitMinutes?: number;
  /** Why no installer can be booted on any node. */
  readonly installRefusal?: string;
  readonly observeOnly?: (node: Node) => string | undefined;
  readonly url?: string;
}

export async function enrolWorld(options: EnrolWorldOptions = {}): Promise<EnrolWorld> {
  const [ran, given]: [string[], unknown[]] = [[], []];
  const steps = [
    { kind: 'clean', step: 'erase', priority: 10, title: 'Erase', isDestructive: true },
    { kind: 'deploy', step: 'write', priority: 80, title: 'Write', isDestructive: true },
  ] as const;
  const direct = (driver: Driver): Driver => ({
    ...driver,
    refusal: () => null,
    stepRefusal: () => null,
    steps,
    runStep: async ({ step }, { name, uuid }, run) => {
      ran.push(`${name ?? uuid} ${step}`);
      given.push(run.args);
      await options.act?.(step, name ?? uuid);
      return {};
    },
  });
  const taking = createTaking();
  const played = playedDesk(systemClock);
  const observeOnly = options.observeOnly ?? (() => undefined);
  const world = await openWorld({
    clock: systemClock,
    desk: played,
    observeOnly,
    moreTasks: [taking.definition],
    drivers: (all) =>
      all.map((one) => (one.interface === 'deploy' && (one.name === 'direct' || one.name === 'proxmox') ? direct(one) : one)),
    isStill: true,
    ...(options.url === undefined ? {} : { url: options.url }),
  });
  const window: { since: number | null } = { since: null };
  const enrol: EnrolOptions & { readonly sweepMs: number } = {
    store: world.store,
    nodes: world.nodes,
    tasks: world.tasks,
    lifecycle: world.life,
    registry: world.gateway.registry,
    desk: played,
    config: {
      rule: [...(options.rules ?? [])],
      profile: [...(options.profiles ?? [profile()])],
      enrol: { mode: 'closed', window_minutes: 60, wait_minutes: options.waitMinutes ?? 10 },
    },
    window: { get: () => Promise.resolve({ mode: 'closed', since: window.since }) },
    observeOnly,
    imageInfo: (one: Profile) => ({ image_source: one.image ?? null }),
    rootHints: () => ({ none: true }),
    installRefusal: () => options.installRefusal ?? null,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    sweepMs: 100,
  };
  taking.bind(enrol);
  const enrolment = createEnrol(enrol);
  await world.tasks.start(new AbortController().signal);
  await enrolment.start(new AbortController().signal);
  onTestFinished(() => enrolment.stop());
  const { nodes, store } = world;
  const row: EnrolWorld['row'] = (node) =>
    store.db
      .selectFrom('enrolments')
      .select(['state', 'reason', 'name', 'rule', 'profile'])
      .where('node_uuid', '=', node.uuid)
      .executeTakeFirst();
  return {
    ...world,
    enrolment,
    played,
    ran,
    given,
    window,
    row,
    discover: ({ inventory, pluginData }) =>
      store.transaction(async (tx) => {
        const addresses = inventory.interfaces.flatMap((card) => parseMac(card.mac_address) ?? []);
        const ports = addresses.map((address) => ({ address }));
        const seen = { smbiosUuid: inventory.system_vendor.uuid, smbiosSerial: inventory.system_vendor.serial_number };
        const input = { driver: 'manual-management', interfaces: { power: 'fake' }, powerState: 'power on', ports, ...seen } as const;
        const node = await nodes.create(tx, input, { who: 'system', actor: 'discovery' });
        await nodes.saveInventory(tx, node.uuid, { inventory: { ...inventory }, pluginData: { ...pluginData } });
        await enrolment.reported(tx, node);
        return node;
      }),
    again: (node, { inventory, pluginData }) =>
      store.transaction(async (tx) => {
        await nodes.saveInventory(tx, node.uuid, { inventory: { ...inventory }, pluginData: { ...pluginData } });
        return enrolment.reported(tx, await nodes.get(node.uuid, tx));
      }),
    async reachesRow(node, state) {
      for (const end = performance.now() + 20_000; ; await systemClock.sleep(5)) {
        const found = await row(node);
        if (found?.state === state) return found.reason;
        if (performance.now() > end)
          throw new Error(`the enrolment is ${found?.state ?? 'not there'}, not ${state}: ${found?.reason ?? ''}`);
      }
    },
  };
}
