// The desk at which the deploy driver of installers asks: what is looked at, agreed to and proven, and how the machine stands. Implements
// power/install-desk.ts by its form; each matter is decided by its own part.

import { isLinkLocal6, parseIpv6 } from '../../lib/index.ts';
import { type JsonObject, nodeTitle } from '../../nodes/index.ts';
import { FIRST_BOOT } from '../first-boot-record.ts';
import { refuseOver } from '../protocol/book.ts';
import { fail } from '../protocol/errors.ts';
import type { InstallationRecord } from '../protocol/record.ts';
import { hasCome, standingOf } from '../protocol/standing-decide.ts';
import type { InstallPlan } from '../seam.ts';
import type { Answering } from './answer.ts';
import type { DeskParts } from './parts.ts';
import { type PrepareOrder, planFor, profileOf, refused } from './prepare.ts';
import { proofFaults } from './prove.ts';

type DiskRef = InstallPlan['disks'][number];

export interface DeskOrder extends PrepareOrder {
  readonly deployment: string;
  readonly signal: AbortSignal;
}

export type DeskStanding =
  | { readonly state: 'waits'; readonly fraction: number; readonly text: string; readonly until: number | null }
  | { readonly state: 'reached' }
  | { readonly state: 'failed'; readonly message: string; readonly hint: string };

export interface Desk {
  refusal(target: {
    readonly uuid: string;
    readonly extra?: unknown;
    readonly instanceInfo: Readonly<Record<string, unknown>>;
  }): string | null;
  prepare(order: DeskOrder): Promise<{ readonly disks: readonly DiskRef[]; readonly stamps: readonly string[] | null }>;
  arm(order: Pick<DeskOrder, 'nodeUuid' | 'deployment' | 'signal'>): Promise<void>;
  standing(nodeUuid: string, deployment: string, goal: 'installed' | 'first-boot'): Promise<DeskStanding>;
  signIn(nodeUuid: string, deployment: string, signal: AbortSignal): Promise<{ readonly address: string; readonly system: string }>;
  abandon(nodeUuid: string, deployment: string, reason: string): Promise<void>;
}

/** After so many times the patience of [install] stall_minutes without a sign it has failed. */
const PATIENCE = 3;
const MINUTE = 60_000;
/** Stalls that were told; at the cap the oldest are told once more. */
const TOLD_MAX = 1000;
const AGAIN = 'Look at the machine, then deploy it again.';

export function createInstallDesk(parts: DeskParts, answering: Answering): Desk {
  const { book } = parts;
  const told = new Set<string>();
  const underWay = async (nodeUuid: string, deployment: string): Promise<InstallationRecord> => {
    const found = await book.ofDeployment(nodeUuid, deployment);
    if (found !== undefined) return found;
    throw fail('install.no_installation', { message: 'nothing was prepared for this deployment', hint: AGAIN });
  };
  return {
    refusal: (target) => {
      const found = profileOf(parts, target);
      if ('refused' in found) return found.refused;
      return parts.hasInstaller() ? null : 'no installer was imported yet: rackseed image add FILE';
    },
    async prepare(order) {
      const { nodeUuid, deployment } = order;
      const stored = await book.ofDeployment(nodeUuid, deployment);
      if (stored !== undefined) refuseOver(stored);
      const { plan } = stored ?? (await book.begin({ nodeUuid, deployment, plan: await planFor(parts, answering, order) }));
      return { disks: plan.disks, stamps: plan.stamps };
    },
    async arm({ nodeUuid, deployment, signal }) {
      const row = await underWay(nodeUuid, deployment);
      refuseOver(row);
      if (row.stage !== 'prepared') return;
      await prove(parts, answering, row);
      signal.throwIfAborted();
      await book.arm(row.uuid);
    },
    async standing(nodeUuid, deployment, goal) {
      const row = await underWay(nodeUuid, deployment);
      if (row.stage === 'failed') return { state: 'failed', message: row.failure ?? 'the installation failed', hint: AGAIN };
      if (hasCome(row, goal)) return { state: 'reached' };
      const now = parts.clock.now();
      const stallMs = parts.config.install.stall_minutes * MINUTE;
      const [silence, cameBackAt] = [book.silence(row), await book.cameBackAt(row)];
      const looked = { row, rate: book.isoRate(row.uuid), silence, cameBackAt, now, stallMs };
      const { fraction, text, stall, until } = standingOf(looked);
      if (stall === null) return { state: 'waits', fraction, text, until };
      if (silence >= PATIENCE * stallMs) return { state: 'failed', message: text, hint: AGAIN };
      await tellStall(parts, told, row, text);
      return { state: 'waits', fraction, text, until: Math.min(until ?? now + stallMs, now + PATIENCE * stallMs - silence) };
    },
    async signIn(nodeUuid, deployment, signal) {
      const row = await underWay(nodeUuid, deployment);
      const node = await parts.nodes.get(nodeUuid);
      const title = nodeTitle(node);
      const hostKeys = textsIn(partOf(node.driverInternalInfo[FIRST_BOOT]).ssh_host_keys);
      const { address, system } = await parts.signIn({ title, addresses: addressesOf(row), hostKeys, signal });
      await book.reached(row.uuid, `root@${address} (${system})`);
      return { address, system };
    },
    abandon: (nodeUuid, deployment, reason) => book.abandon(nodeUuid, deployment, reason),
  };
}

async function prove(parts: DeskParts, answering: Answering, { uuid, nodeUuid, plan }: InstallationRecord): Promise<void> {
  const node = await parts.nodes.get(nodeUuid);
  const [report, target] = await Promise.all([parts.nodes.inventory(node.uuid), answering.targetOf(plan.installer)]);
  if (report === undefined) throw refused(node, 'its agent has reported nothing', 'Let it boot the agent.');
  const secrets = await parts.book.secrets(uuid);
  const text = await answering.render({ nodeUuid, plan, secrets, base: 'https://192.0.2.1:6385' });
  const faults = proofFaults({ rules: parts.rules, target, text, plan, report });
  if (faults.length === 0) return;
  const why = faults.map(({ message }) => message).join('; ');
  throw refused(node, `it is not proven what its installer would do: ${why}`, [...new Set(faults.map(({ fix }) => fix))].join(' '));
}

async function tellStall(
  { store }: DeskParts,
  told: Set<string>,
  { uuid, nodeUuid, stage, boots }: InstallationRecord,
  text: string,
): Promise<void> {
  const key = `${uuid} ${stage} ${boots}`;
  if (told.has(key)) return;
  if (told.size >= TOLD_MAX) told.clear();
  told.add(key);
  const event = { type: 'install.stalled', severity: 'warning', nodeUuid, message: text, data: { installation: uuid, stage } } as const;
  await store.transaction((tx) => store.events.append(tx, event));
}

/** What it was given and nothing else; where it was given none, what it reported itself and where its report came from: each once. */
function addressesOf({ plan, firstBoot }: InstallationRecord): string[] {
  const reported = textsIn(firstBoot?.addresses);
  const from = typeof firstBoot?.from === 'string' ? [firstBoot.from] : [];
  const all = (plan.address === null ? [...from, ...reported] : [plan.address.cidr]).map((address) => address.split('/')[0] ?? '');
  return [...new Set(all)].filter((address) => address !== '' && !isOnLinkOnly(address));
}

function isOnLinkOnly(address: string): boolean {
  const parsed = parseIpv6(address);
  return parsed !== undefined && isLinkLocal6(parsed);
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
}

function partOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}; // an object of a JSON column
}
