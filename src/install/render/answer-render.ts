// An answer: the planned document with all that the appliance alone decides put into it: disks, address, name, password, keys, and where the
// installer reports to. The same in gives the same bytes. Pure.

import type { JsonObject, JsonValue } from '../../nodes/index.ts';
import { knowsKey } from '../answer/rules.ts';
import type { AnswerDocument, AnswerFault, AnswerRules, AnswerTarget, InstallPlan, RaidLevel } from '../seam.ts';

export interface AnswerSecrets {
  readonly rootPassword: string;
  /** The same for crypt(3); for releases that take one. */
  readonly rootPasswordHash: string;
  /** Public, and still what decides who may come in: the appliance's own key first. */
  readonly rootKeys: readonly string[];
  /** SHA-256 of our certificate, for the two URLs below; null: they are plain HTTP, or known to the installer's own store. */
  readonly fingerprint: string | null;
  readonly hook: { readonly url: string; readonly token: string } | null;
  readonly firstBoot: { readonly url: string } | null;
}

/** Of the plan, what goes into the answer. */
export type AnsweredPlan = Pick<InstallPlan, 'filesystem' | 'raid' | 'selection' | 'fqdn' | 'managementMac' | 'address' | 'document'>;

export interface AnswerOrder {
  readonly rules: AnswerRules;
  readonly plan: AnsweredPlan;
  readonly target: AnswerTarget;
  readonly secrets: AnswerSecrets;
}

export interface RenderedAnswer {
  /** Null where a fault is an error: such an answer would strand the machine. */
  readonly text: string | null;
  readonly faults: readonly AnswerFault[];
}

export function renderAnswer(order: AnswerOrder): RenderedAnswer {
  const document = answerDocument(order);
  const faults = [...disagreements(order.plan), ...order.rules.checkDocument(document, order.target)];
  const isSound = faults.every(({ severity }) => severity !== 'error');
  return { text: isSound ? order.rules.serialise(document, order.target) : null, faults };
}

export function answerDocument({ plan, target, secrets }: Omit<AnswerOrder, 'rules'>): AnswerDocument {
  const { global, network, 'disk-setup': disks, ...rest } = plan.document;
  const isKnown = (key: string): boolean => knowsKey(target, key);
  return {
    ...rest,
    global: globalPart(tableIn(global), plan, secrets, isKnown),
    network: networkPart(tableIn(network), plan, isKnown),
    'disk-setup': diskPart(tableIn(disks), plan),
    ...reports(secrets, isKnown),
  };
}

type Knows = (key: string) => boolean;

function globalPart(given: JsonObject, plan: AnsweredPlan, secrets: AnswerSecrets, isKnown: Knows): JsonObject {
  const password = isKnown('global.root-password-hashed')
    ? { 'root-password-hashed': secrets.rootPasswordHash }
    : { 'root-password': secrets.rootPassword };
  const listed = given['root-ssh-keys'];
  const keys = Array.isArray(listed) ? (listed as readonly JsonValue[]) : []; // isArray says any[]
  return { ...given, fqdn: plan.fqdn, ...password, 'root-ssh-keys': [...new Set<JsonValue>([...secrets.rootKeys, ...keys])] };
}

/**
 * Names of network ports are pinned where the installer can, since a new kernel may name them anew and a bridge would lose its port. Without
 * a mapping of ours: it would have to name every port, for the installer names the rest nic0, nic1, … and refuses two of one name.
 */
function networkPart(given: JsonObject, { address, managementMac }: AnsweredPlan, isKnown: Knows): JsonObject {
  const pinning = 'interface-name-pinning';
  const pinned = given[pinning] === undefined && isKnown(`network.${pinning}`) ? { [pinning]: { enabled: true } } : {};
  if (address === null) return { ...given, source: 'from-dhcp', ...pinned };
  const { cidr, gateway, dns } = address;
  // The property ends in the address without colons; what stands before tells the kind of port (systemd.net-naming-scheme, "x").
  const filter = { ID_NET_NAME_MAC: `*${managementMac.toLowerCase().replaceAll(':', '')}` };
  return { ...given, source: 'from-answer', cidr, dns, gateway, filter, ...pinned };
}

function diskPart(given: JsonObject, { filesystem, raid, selection }: AnsweredPlan): JsonObject {
  const level =
    filesystem === 'zfs' || filesystem === 'btrfs' ? { [filesystem]: { ...tableIn(given[filesystem]), raid: raidWord(raid) } } : {};
  return { ...given, filesystem, ...level, ...selection };
}

/** The installer has no level for one disk: it is a stripe of one. In small letters, which every release reads. */
function raidWord(raid: RaidLevel): string {
  return raid === 'single' ? 'raid0' : raid;
}

function reports({ hook, firstBoot, fingerprint }: AnswerSecrets, isKnown: Knows): JsonObject {
  const pin = (url: string): JsonObject => (fingerprint === null || !url.startsWith('https:') ? {} : { 'cert-fingerprint': fingerprint });
  const token = hook !== null && isKnown('post-installation-webhook.auth-token') ? { 'auth-token': hook.token } : {};
  const isHooked = hook !== null && isKnown('post-installation-webhook');
  const isHeard = firstBoot !== null && isKnown('first-boot');
  return {
    ...(isHooked ? { 'post-installation-webhook': { url: hook.url, ...pin(hook.url), ...token } } : {}),
    // When the system's own services are up: what has started by then can be reached.
    ...(isHeard ? { 'first-boot': { source: 'from-url', ordering: 'fully-up', url: firstBoot.url, ...pin(firstBoot.url) } } : {}),
  };
}

/** A template may say which file system and level it is made for; then it is held to them. */
function disagreements({ document, filesystem, raid }: AnsweredPlan): readonly AnswerFault[] {
  const disks = tableIn(document['disk-setup']);
  const wanted = disks.filesystem;
  if (wanted !== undefined && wanted !== filesystem)
    return [disagreement('disk-setup.filesystem', wanted, filesystem, `filesystem = ${JSON.stringify(wanted)}`)];
  const level = tableIn(disks[filesystem]).raid;
  const word = typeof level === 'string' ? level.toLowerCase() : undefined; // anything else is the rules' to say
  if (word === undefined || word === raidWord(raid)) return [];
  return [disagreement(`disk-setup.${filesystem}.raid`, word, raidWord(raid), `raid = "${word === 'raid0' ? 'single' : word}"`)];
}

function disagreement(key: string, wanted: JsonValue, chosen: string, setting: string): AnswerFault {
  return {
    key,
    line: null,
    message: `the template is made for ${JSON.stringify(wanted)}, and the disks of the [[profile]] make it ${JSON.stringify(chosen)}`,
    fix: `Write system_disks = { ${setting} } in the [[profile]], or take another answer_template.`,
    severity: 'error',
  };
}

function tableIn(value: JsonValue | undefined): JsonObject {
  // isArray says any[], and what is left of an object is a table
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
