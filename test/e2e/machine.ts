// Virtual machines of the end-to-end tests, and what each of them must have come to: a node in enroll, with its way in the reasons.

import { join } from 'node:path';
import { expect } from 'vitest';
import type { Firmware, MachineSpec } from '../../src/lab/index.ts';
import { parseMac, silentLog, systemClock, systemRandom } from '../../src/lib/index.ts';
import { createNodes, type JsonObject } from '../../src/nodes/index.ts';
import { loadStoreKeys, openStore } from '../../src/store/index.ts';
import { type TestLab, tailOf } from './lab.ts';

const DISCOVERY_LIMIT_MS = 10 * 60_000;

/** `number` makes its MAC, UUID and tap its own within one lab. */
export function miniPc(firmware: Firmware, number: number, change: Partial<MachineSpec> = {}): MachineSpec {
  const digits = number.toString(16).padStart(2, '0');
  return {
    name: `mini-${firmware}-${number}`,
    firmware,
    mac: `52:54:00:ab:00:${digits}`,
    smbiosUuid: `4c4c4544-0042-3510-8051-b4c04f4d32${digits}`,
    cpus: 2,
    memoryMb: firmware === 'bios' ? 1536 : 2048,
    diskGb: 4,
    tap: `tap${number}`,
    ...change,
  };
}

export interface PlantedNode {
  readonly spec: MachineSpec;
  readonly driverInfo?: JsonObject;
}

/** Nodes come by the agent or by import; here the store is told while the appliance is down. */
export async function plantNodes({ lab }: TestLab, planted: readonly PlantedNode[]): Promise<void> {
  const { dataDir } = lab.connection;
  await lab.stopAppliance();
  const url = `sqlite://${join(dataDir, 'rackseed.sqlite')}`;
  const keys = await loadStoreKeys({ url, keyFile: join(dataDir, 'store.key'), random: systemRandom });
  const store = await openStore({ url, keys, clock: systemClock, random: systemRandom, log: silentLog });
  const nodes = createNodes({ store, clock: systemClock, random: systemRandom, log: silentLog });
  for (const { spec, driverInfo = {} } of planted) {
    const ports = [{ address: parseMac(spec.mac) ?? expect.unreachable(), pxeEnabled: true }];
    const node = { driver: 'manual-management', name: spec.name, driverInfo, ports };
    await store.transaction((tx) => nodes.create(tx, node, { who: 'user', actor: 'test' }));
  }
  await store.close();
  await lab.startAppliance();
}

interface ListedNode {
  readonly uuid: string;
  readonly macs: readonly string[];
  readonly smbiosUuid: string;
  readonly provisionState: string;
}

export interface Reason {
  readonly area: string;
  readonly decision: string;
  readonly reason: string;
}

/** Boots it until the appliance has its node, and ends it. */
export async function bootToAgent(lab: TestLab, spec: MachineSpec): Promise<ListedNode> {
  const { serialLog } = await lab.lab.startMachine(spec);
  try {
    return await discovered(lab, spec, serialLog);
  } finally {
    await lab.lab.stopMachine(spec.name);
  }
}

/** Waits until the appliance has its node; else says what the appliance and the machine's console said last. */
export async function discovered({ lab, client }: TestLab, spec: MachineSpec, serialLog: string): Promise<ListedNode> {
  try {
    for await (const { data } of client.events('/api/events', '0', AbortSignal.timeout(DISCOVERY_LIMIT_MS))) {
      if ((data as { type: string }).type !== 'node.discovered') continue; // every event has a type
      const { nodes } = (await client.get('/api/nodes')) as { nodes: ListedNode[] };
      const node = nodes.find((one) => one.macs.includes(spec.mac));
      if (node !== undefined) return node;
    }
    throw new Error('the event stream ended');
  } catch (thrown) {
    const said = await tailOf(join(lab.connection.dataDir, '../appliance.log'), 30);
    const shown = await tailOf(serialLog, 30);
    throw new Error(`${spec.name} was not discovered.\nThe appliance said last:\n${said}\nIts console said last:\n${shown}`, {
      cause: thrown,
    });
  }
}

/** What `rackseed node why MAC` shows, oldest first. */
export async function reasonsOf({ client }: TestLab, mac: string): Promise<readonly Reason[]> {
  const { reasons } = (await client.get(`/api/reasons?subject=mac:${mac}`)) as { reasons: Reason[] };
  return reasons.toReversed();
}

/** The stations are passed in this order; others may lie between. */
export function expectWay(reasons: readonly Reason[], stations: readonly string[]): void {
  const way = reasons.map(({ area, decision }) => `${area} ${decision}`);
  expect(way.filter((one, index) => stations.includes(one) && way.indexOf(one) === index)).toEqual(stations);
}

/** Asks again until there is such a reason. */
export async function waitForReason(lab: TestLab, mac: string, matches: (reason: Reason) => boolean, limitMs: number): Promise<Reason> {
  const end = systemClock.monotonic() + limitMs;
  for (;;) {
    const reasons = await reasonsOf(lab, mac);
    const found = reasons.find(matches);
    if (found !== undefined) return found;
    if (systemClock.monotonic() > end)
      throw new Error(`no such reason within ${limitMs / 1000} s, but:\n${JSON.stringify(reasons, null, 1)}`);
    await systemClock.sleep(LOOK_MS);
  }
}

const LOOK_MS = 250;

/** Every file that TFTP was asked for since the appliance began, from its log. */
export function tftpRequests(applianceLog: string): readonly string[] {
  return applianceLog
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { part?: string; fileName?: string })
    .flatMap(({ part, fileName }) => (part === 'tftp' && fileName !== undefined ? [fileName] : []));
}
