// The agent's server side: look-up with a one-time secret, inventory into a node, heartbeat. Knows nothing of HTTP.

import { type Clock, type Log, type Mac, RackseedError, type Random } from '../lib/index.ts';
import type { Node, Nodes, NodeUuid } from '../nodes/index.ts';
import type { Store, Tx } from '../store/index.ts';
import { type AgentSession, type BootSecrets, createBootSecrets } from './boot-secrets.ts';
import { mergeDoubles } from './doubles.ts';
import { fail } from './errors.ts';
import type { Identified } from './identify.ts';
import { cleanSerial, cleanSmbiosUuid } from './identity.ts';
import type { Orders } from './orders.ts';
import type { HeartbeatReply, HeartbeatRequest, InventoryReply, InventoryRequest, LookupReply, LookupRequest } from './protocol.ts';
import { jsonOf, readinessOf, readinessWords } from './readiness.ts';
import type { RuleRunner } from './rules-apply.ts';
import { createWho } from './who.ts';
import { createNodeWriter, mayBeIn } from './write-node.ts';

export interface InspectOptions {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Machines that nobody has said yes to; more are refused, so that a hostile network cannot fill the store. */
  readonly maxDiscovered?: number;
  /** Boot secrets that were given and not used. */
  readonly maxOpenSecrets?: number;
  /** Network cards with the UUIDs that they were seen under. */
  readonly maxSightings?: number;
  /** The agent of this node was heard: work that waited for it goes on, unless the agent is at something or about to be. */
  readonly onBeat?: (uuid: string, isBusy: boolean) => void;
  readonly orders: Pick<Orders, 'beat' | 'heard' | 'release'>;
  readonly rules?: RuleRunner;
  /** In the transaction that keeps a report: what follows from it for the node, and in a line for the person at the screen. */
  readonly onStored?: (tx: Tx, node: Node) => Promise<string | null>;
  /** What the machine is was kept: an inspection that waited for it is over, or has failed and why. */
  readonly onInventory?: (uuid: string, failure: string | null) => Promise<void>;
}

export interface Inspect {
  readonly issueSecret: BootSecrets['issue'];
  lookup(request: LookupRequest, peer: string): Promise<LookupReply>;
  receiveInventory(token: string, request: InventoryRequest): Promise<InventoryReply>;
  /** Held until there is something to do, or the signal says that nobody waits for the reply any more. */
  heartbeat(token: string, request: HeartbeatRequest, signal?: AbortSignal): Promise<HeartbeatReply>;
  /** Held heartbeats are answered now: the appliance stops. */
  releaseHeld(): Promise<void>;
  /** Whose agent has this token; null before its inventory. Throws inspect.token_refused. */
  nodeOfToken(token: string): Promise<string | null>;
  /** Who boots there, for the boot decision. */
  readonly findMachine: (mac: Mac, smbiosUuid: string | null) => Promise<Identified>;
  /** What the agent last found a node to be; null before it ran there. */
  readonly hardwareOf: (nodeUuid: NodeUuid) => Promise<HardwareNames | null>;
}

const HEARTBEAT_SECONDS = 30;
const BY = { who: 'system', actor: 'discovery' } as const;

interface HardwareNames {
  readonly manufacturer: string | null;
  readonly product: string | null;
  readonly serial: string | null;
}

export function createInspect(options: InspectOptions): Inspect {
  const { store, nodes, log } = options;
  const secrets = createBootSecrets(options);
  const who = createWho(options);
  const writer = createNodeWriter(options);

  /** By the inspection rules, where it is an inspection: a machine that is new, or a node that waits for this. */
  async function keep(tx: Tx, node: Node, request: InventoryRequest, isNew: boolean): Promise<string | null> {
    const reported = { inventory: { ...request.inventory }, pluginData: { ...request.pluginData } };
    const isInspected = isNew || isInspecting(node);
    const ruled = isInspected ? await options.rules?.run(tx, node, reported) : undefined;
    const readiness = await readinessOf(nodes, tx, node, request);
    const pluginData = { ...(ruled?.pluginData ?? reported.pluginData), readiness: jsonOf(readiness) };
    await nodes.saveInventory(tx, node.uuid, { ...reported, pluginData });
    store.reasons.note({ subject: `node:${node.uuid}`, area: 'readiness', decision: readiness.level, reason: readinessWords(readiness) });
    const failure = ruled?.failure ?? null;
    if (failure !== null && isNew) await nodes.update(tx, node, { lastError: failure }, BY);
    return failure;
  }

  async function receive(
    session: AgentSession,
    request: InventoryRequest,
  ): Promise<{ readonly node: Node; readonly failure: string | null; readonly word: string | null }> {
    const macs = request.inventory.interfaces.map((card) => card.mac_address);
    if (!macs.includes(session.mac)) {
      throw fail('inspect.mac_mismatch', {
        message: `the inventory of ${session.mac} does not have that port (it has ${macs.join(', ')})`,
        hint: 'Boot the machine again; if it stays so, its agent lacks the driver of that port.',
      });
    }
    const identity = identityOf(request);
    refuseOtherUuid(session, identity.smbiosUuid);
    return store.transaction(async (tx) => {
      const { shared, ...said } = await who.reports(tx, { macs, ...identity, disks: request.inventory.disks });
      const seen = await mergeDoubles(options, tx, said, { macs, ...identity });
      const found = seen.is === 'known' ? await bootedAs(tx, session, seen) : seen;
      if (found.is === 'unclear')
        throw fail('inspect.identity_conflict', {
          message: `${session.mac}: ${found.reason}`,
          hint: 'Remove the stale port or node: rackseed node list shows them.',
        });
      const decided = { reason: found.reason, maybe: found.maybe, shared };
      const node =
        found.is === 'known'
          ? await writer.refresh(tx, found.node, request, identity, decided)
          : await writer.discover(tx, request, identity, decided);
      const failure = await keep(tx, node, request, found.is !== 'known');
      await secrets.bindNode(tx, session, node.uuid);
      // Before anybody learns of the report: what a rule's yes begins at once finds an agent that runs, and boots no machine for one.
      options.orders.heard(node.uuid);
      return { node, failure, word: (await options.onStored?.(tx, node)) ?? null };
    });
  }

  /**
   * What a report says of ports is anybody's word. The boot secret is not: it was given to a port, and where that port (or the UUID it was
   * given with) is not the node's, somebody who knows a node's MAC speaks. A machine that nobody has said yes to has nothing to take over.
   */
  async function bootedAs(tx: Tx, session: AgentSession, found: Identified & { readonly is: 'known' }): Promise<Identified> {
    const { node } = found;
    if (node.provisionState === 'enroll' || (session.smbiosUuid !== null && session.smbiosUuid === node.smbiosUuid)) return found;
    const ports = await nodes.ports.list({ nodeUuid: node.uuid }, tx);
    if (ports.some(({ address }) => address === session.mac)) return found;
    const reason = `it booted by ${session.mac}, which is no port of ${node.name ?? node.uuid}, and reports parts of that node`;
    return { is: 'unclear', nodes: [node], reason };
  }

  function note(mac: string, decision: string, reason: string): void {
    store.reasons.note({ subject: `mac:${mac}`, area: 'inspect', decision, reason });
  }

  return {
    issueSecret: (mac, smbiosUuid) => secrets.issue(mac, cleanSmbiosUuid(smbiosUuid)),

    async lookup(request, peer) {
      try {
        const { token, session } = await secrets.spend(request);
        const found = await who.boots(request.macs, cleanSmbiosUuid(request.smbiosUuid));
        note(session.mac, 'look-up accepted', found.reason);
        log.info({ mac: session.mac, peer, agent: request.agentVersion }, 'agent looked up');
        const node = found.is === 'known' ? { uuid: found.node.uuid, name: found.node.name } : null;
        return { token, heartbeatSeconds: HEARTBEAT_SECONDS, node };
      } catch (thrown) {
        if (thrown instanceof RackseedError) for (const mac of request.macs.slice(0, 4)) note(mac, 'look-up refused', thrown.message);
        throw thrown;
      }
    },

    async receiveInventory(token, request) {
      const session = await secrets.sessionOf(token);
      try {
        const { node, failure, word } = await receive(session, request);
        // In any other state the report says no more than that the agent lives.
        if (isInspecting(node)) await options.onInventory?.(node.uuid, failure);
        else options.onBeat?.(node.uuid, false);
        note(session.mac, 'inventory stored', `node ${node.name ?? node.uuid} in "${node.provisionState}"${secureBootWords(request)}`);
        return {
          node: { uuid: node.uuid, name: node.name, provisionState: node.provisionState },
          message:
            word ??
            `discovered as node ${node.name ?? node.uuid}; waiting for a yes${mayBeIn(node.driverInternalInfo).length > 0 ? '; it may be a machine that is known already' : ''}`,
        };
      } catch (thrown) {
        if (thrown instanceof RackseedError) note(session.mac, 'inventory refused', thrown.message);
        throw thrown;
      }
    },

    async heartbeat(token, request, signal = new AbortController().signal) {
      const { nodeUuid, hash: session, mac } = await secrets.sessionOf(token);
      // Which node it is its inventory says: it is about to send it.
      if (nodeUuid === null) return { waitSeconds: HEARTBEAT_SECONDS, command: null };
      return options.orders.beat({ nodeUuid, session, mac }, request, signal, (isBusy) => options.onBeat?.(nodeUuid, isBusy));
    },

    releaseHeld: () => options.orders.release(),
    nodeOfToken: async (token) => (await secrets.sessionOf(token)).nodeUuid,

    findMachine: (mac, smbiosUuid) => who.boots([mac], cleanSmbiosUuid(smbiosUuid)),

    async hardwareOf(nodeUuid) {
      const stored = await nodes.inventory(nodeUuid);
      return stored === undefined ? null : namesIn(stored.inventory.system_vendor);
    },
  };
}

function namesIn(vendor: unknown): HardwareNames {
  const fields = typeof vendor === 'object' && vendor !== null ? vendor : {};
  const of = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return {
    manufacturer: of('manufacturer' in fields ? fields.manufacturer : null),
    product: of('product_name' in fields ? fields.product_name : null),
    serial: of('serial_number' in fields ? fields.serial_number : null),
  };
}

/** The look-up was answered for one machine: its report is of the same. */
function refuseOtherUuid(session: AgentSession, reported: string | null): void {
  if (session.smbiosUuid === null || session.smbiosUuid === reported) return;
  throw fail('inspect.identity_conflict', {
    message: `${session.mac}: booted with the SMBIOS UUID ${session.smbiosUuid}, and reports ${reported ?? 'none'}`,
    hint: 'Boot the machine again. If it stays so, look for a strange machine on the provisioning network.',
  });
}

function identityOf({ inventory }: InventoryRequest): { readonly smbiosUuid: string | null; readonly smbiosSerial: string | null } {
  return { smbiosUuid: cleanSmbiosUuid(inventory.system_vendor.uuid), smbiosSerial: cleanSerial(inventory.system_vendor.serial_number) };
}

/** It runs already when the inspection begins, or was booted for it. */
function isInspecting({ provisionState }: Node): boolean {
  return provisionState === 'inspecting' || provisionState === 'inspect wait';
}

/** Which chain it came by is the first question when Secure Boot is on and something does not start. */
function secureBootWords({ inventory: { boot } }: InventoryRequest): string {
  if (boot.secure_boot !== true) return '';
  return boot.chain === 'shim-grub' ? '; Secure Boot is on, and it came through shim and GRUB' : '; Secure Boot is on';
}
