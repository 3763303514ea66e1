// What OpenStack's own agent asks of an Ironic: who am I (look-up), I live (heartbeat), this is what I found (report). Such an agent has no
// secret of its boot: its look-up is answered only while the node waits for an agent, and its token is given once. Knows nothing of HTTP.

import { type Clock, type Component, type Log, parseMac, type Random } from '../lib/index.ts';
import { type Node, type Nodes, type ProvisionState, parseJsonColumn, parseNodeUuid, type Records } from '../nodes/index.ts';
import type { Store } from '../store/index.ts';
import { type AgentRecord, agentOf, hashOf, isTokenOf, withAgent } from './agent-record.ts';
import { createBeats } from './beats.ts';
import { callbackRefusal } from './callback-decide.ts';
import { fail } from './errors.ts';
import { sharedOf } from './mac-sightings.ts';
import { type AgentReport, createReports } from './reports.ts';

export interface AgentWord {
  readonly status?: 'start' | 'end' | 'error';
  readonly message?: string;
}

export interface RamdiskOptions {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly rules: Pick<Records['rules'], 'list'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Work that waited for the agent goes on. */
  readonly agentHeard: (uuid: string, word: AgentWord) => Promise<void>;
  /** Whoever wants to know that an agent runs there; called for each beat. */
  readonly onAlive?: (uuid: string) => void;
  readonly isEnrolmentOpen: () => Promise<boolean>;
  /** Agents may be called elsewhere than where they speak from: the site has them behind a proxy or address translation. */
  readonly callbacksMayBeElsewhere: boolean;
  /** Machines that nobody has said yes to. */
  readonly maxDiscovered?: number;
  readonly beats?: { readonly everyMs: number; readonly eachMs: number };
}

export interface LookupAsked {
  readonly addresses: readonly string[];
  readonly nodeUuid: string | null;
  /** Agents of before tokens neither want nor know one. */
  readonly wantsToken: boolean;
}

export interface Heartbeat {
  readonly callbackUrl: string;
  readonly token: string | null;
  readonly version: string | null;
  readonly certificate: string | null;
  readonly status: string | null;
  readonly message: string | null;
}

export interface KnownMachine {
  readonly node: Node;
  /** Asterisks when it was given already; null when none was wanted. */
  readonly token: string | null;
}

export interface Ramdisk extends Component {
  lookup(asked: LookupAsked, peer: string): Promise<KnownMachine>;
  heartbeat(ref: string, beat: Heartbeat, peer: string): Promise<void>;
  /** Throws inspect.not_found when the machine is nobody that is waited for. */
  report(report: AgentReport, peer: string): Promise<KnownMachine>;
  /** An agent of our own beats: its session says which node it is. One that is busy lives, and ends no wait. */
  beat(uuid: string, isBusy?: boolean): void;
}

/** While a node is in one of these its agent is expected (ironic/common/states.py, LOOKUP_ALLOWED_STATES). */
const EXPECTED: readonly ProvisionState[] = [
  'deploying',
  'wait call-back',
  'cleaning',
  'clean wait',
  'inspecting',
  'inspect wait',
  'rescuing',
  'rescue wait',
  'service wait',
];
const STATUSES = ['start', 'end', 'error'] as const;
const TOKEN_BYTES = 32;
/** What the agent takes for "somebody has it already". */
const GIVEN = '******';
const MAX_ADDRESSES = 128;
const SYSTEM = { who: 'system', actor: 'agent' } as const;

export function createRamdisk(options: RamdiskOptions): Ramdisk {
  const { store, nodes, clock, random, log, agentHeard } = options;
  const beats = createBeats({
    store,
    clock,
    log,
    agentHeard: (uuid, isBusy) => agentHeard(uuid, isBusy ? { status: 'start' } : {}),
    ...options.beats,
  });
  const reports = createReports(options);

  async function tokenFor(uuid: string, isExpected: (node: Node) => boolean): Promise<KnownMachine> {
    return store.transaction(async (tx) => {
      const node = await nodes.get(uuid, tx);
      if (!isExpected(node)) throw notFound();
      const record = agentOf(node.driverInternalInfo);
      if (record.tokenHash !== null) return { node, token: GIVEN };
      const token = random.bytes(TOKEN_BYTES).toString('base64url');
      const driverInternalInfo = withAgent(node.driverInternalInfo, { ...record, tokenHash: hashOf(token) });
      return { node: await nodes.update(tx, node, { driverInternalInfo }, SYSTEM), token };
    });
  }

  async function find({ addresses, nodeUuid }: LookupAsked): Promise<Node | undefined> {
    const macs = addresses.slice(0, MAX_ADDRESSES).flatMap((address) => parseMac(address) ?? []);
    if (macs.length === 0 && nodeUuid === null)
      throw fail('inspect.bad_report', { message: 'At least "addresses" or "node_uuid" parameter is required' });
    if (nodeUuid !== null) return nodes.find(nodeUuid);
    // A card that goes from machine to machine identifies none.
    const shared = await sharedOf(store.db, macs);
    const [only, ...others] = await nodes.findByAddresses(macs.filter((mac) => !shared.has(mac)));
    return others.length === 0 ? only?.node : undefined;
  }

  async function keep(uuid: string, said: Partial<AgentRecord>): Promise<void> {
    await store.transaction(async (tx) => {
      const node = await nodes.get(uuid, tx);
      const driverInternalInfo = withAgent(node.driverInternalInfo, { ...agentOf(node.driverInternalInfo), ...said });
      await nodes.update(tx, node, { driverInternalInfo }, SYSTEM);
    });
  }

  function alive(uuid: string, isBusy = false): void {
    options.onAlive?.(uuid);
    beats.note(uuid, isBusy);
  }

  return {
    name: 'ramdisk',
    start: (signal) => beats.start(signal),
    stop: () => beats.stop(),
    beat: alive,

    async lookup(asked, peer) {
      const node = await find(asked);
      if (node === undefined || !EXPECTED.includes(node.provisionState)) {
        log.warn(
          { peer, addresses: asked.addresses, node: String(node?.uuid), state: String(node?.provisionState) },
          'look-up of an agent refused',
        );
        throw notFound();
      }
      if (!asked.wantsToken) return { node, token: null };
      // Asking again costs a stranger nothing but a read of ours.
      const hasOne = agentOf(node.driverInternalInfo).tokenHash !== null;
      const known = hasOne ? { node, token: GIVEN } : await tokenFor(node.uuid, (now) => EXPECTED.includes(now.provisionState));
      if (known.token === GIVEN) log.warn({ peer, node: node.uuid }, 'a second look-up in one boot: its agent token was given already');
      else log.info({ peer, node: node.uuid }, 'an agent looked up its node');
      return known;
    },

    async heartbeat(ref, beat, peer) {
      const { uuid, record } = await recordOf(store, ref);
      const { status } = beat;
      const mayBeElsewhere = options.callbacksMayBeElsewhere;
      if (beat.token === null) throw badBeat('Agent token is required for heartbeat processing.');
      if (!isTokenOf(record, beat.token)) throw badBeat('Invalid or missing agent token received.');
      const wrong = callbackRefusal({ url: beat.callbackUrl, peer, mayBeElsewhere });
      if (wrong !== undefined) throw badBeat(wrong);
      if (record.url !== null && record.url !== beat.callbackUrl) {
        log.warn({ peer, node: uuid, url: beat.callbackUrl }, 'a heartbeat with another callback URL than the first of this boot');
        throw badBeat('Detected change in ramdisk provided "callback_url"');
      }
      if (status !== null && !isStatus(status)) throw badBeat(`Agent status is invalid. Valid states are ${STATUSES.join(',')}.`);
      const said = { url: beat.callbackUrl, version: beat.version ?? record.version, certificate: beat.certificate ?? record.certificate };
      if (said.url !== record.url || said.version !== record.version || said.certificate !== record.certificate) await keep(uuid, said);
      if (status === null) alive(uuid);
      // Said once, so it is kept before it is answered.
      else await agentHeard(uuid, { status, ...(beat.message === null ? {} : { message: beat.message }) });
    },

    async report(report, peer) {
      const { node, isNew } = await reports.find(report);
      log.info({ peer, node: node.uuid, isNew }, 'an agent reports what it found');
      // Before the report is worked on: its end moves the node.
      const known = report.wantsToken
        ? await tokenFor(node.uuid, (now) => isNew || now.provisionState === 'inspect wait')
        : { node, token: null };
      const word = await reports.keep(node.uuid, report, isNew);
      await agentHeard(node.uuid, word);
      return known;
    },
  };
}

/** No more of the node than a beat needs: a thousand of them may come each second. */
async function recordOf(store: Store, ref: string): Promise<{ readonly uuid: string; readonly record: AgentRecord }> {
  const uuid = parseNodeUuid(ref);
  const rows = store.db.selectFrom('nodes').select(['uuid', 'driver_internal_info']);
  const row = await (uuid === undefined ? rows.where('name', '=', ref) : rows.where('uuid', '=', uuid)).executeTakeFirst();
  if (row === undefined) throw fail('inspect.not_found', { message: `Node ${ref.slice(0, 255)} could not be found.` });
  const info = parseJsonColumn('driver_internal_info', row.driver_internal_info, `node ${row.uuid}`);
  return { uuid: row.uuid, record: agentOf(info) };
}

function isStatus(text: string): text is (typeof STATUSES)[number] {
  return STATUSES.some((status) => status === text);
}

function notFound(): Error {
  return fail('inspect.not_found', { message: 'Resource could not be found.' });
}

function badBeat(message: string): Error {
  return fail('inspect.bad_report', { message });
}
