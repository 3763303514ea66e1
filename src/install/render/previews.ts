// The answer of a node for people's eyes: as it would be now, for any profile and release, or as it was for the last installation. Secrets
// are masked, and nothing is given, claimed or stored for it.

import type { Config } from '../../config/index.ts';
import { nearest } from '../../lib/index.ts';
import type { Node, Nodes } from '../../nodes/index.ts';
import type { Addresses } from '../addresses/addresses.ts';
import { INSTALLERS, TITLES } from '../answer/releases.ts';
import { answerRules } from '../answer/rules.ts';
import { bootModeOf, chooseSystemDisks, machineDisks, systemDisksOf } from '../disks/index.ts';
import { fail } from '../errors.ts';
import { fail as failProtocol } from '../protocol/errors.ts';
import type { AnswerTarget, Installers, InstallPlan, Product, RaidLevel } from '../seam.ts';
import { type AnswerSecrets, renderAnswer } from './answer-render.ts';
import type { AnswerDrafts } from './drafts.ts';
import { type PlacedFault, placed } from './placed.ts';

export interface PreviewOrder {
  readonly node: Node;
  /** Instead of the node's own. */
  readonly profile?: string | undefined;
  /** Instead of the installer's. */
  readonly release?: string | undefined;
  /** As it was made for the last installation. */
  readonly isLast?: boolean | undefined;
}

export interface AnswerPreview {
  readonly profile: string;
  /** Null: of the last installation, which keeps what came of it. */
  readonly template: string | null;
  readonly product: Product;
  readonly release: string;
  /** Null where a fault is an error. */
  readonly text: string | null;
  readonly faults: readonly PlacedFault[];
  /** What a person may want to know of it, in sentences. */
  readonly notes: readonly string[];
}

export interface LastPlan {
  readonly plan: InstallPlan;
  readonly target: Pick<AnswerTarget, 'product' | 'release'> | null;
}

export interface PreviewParts {
  readonly config: Pick<Config, 'profile'>;
  readonly nodes: { readonly inventory: Nodes['inventory'] };
  readonly drafts: AnswerDrafts;
  readonly addresses: Pick<Addresses, 'peek'>;
  readonly installers: Pick<Installers, 'find' | 'newest'>;
  /** The profile that the node was approved with. */
  readonly profileOf: (nodeUuid: string) => Promise<string | null>;
  readonly lastPlan: (nodeUuid: string) => Promise<LastPlan | null>;
  /** The appliance's own key, as OpenSSH writes it. */
  readonly ownKey: () => Promise<string>;
  readonly site: { readonly url: string; readonly fingerprint: string | null };
}

export type AnswerPreviews = (order: PreviewOrder) => Promise<AnswerPreview>;

export function createAnswerPreviews(parts: PreviewParts): AnswerPreviews {
  return (order) => (order.isLast === true ? last(parts, order) : now(parts, order));
}

type Profile = Config['profile'][number];

async function now(parts: PreviewParts, order: PreviewOrder): Promise<AnswerPreview> {
  const profile = profileNamed(parts.config.profile, order.profile ?? (await ownProfile(parts, order.node)), order.node);
  const { target, notes: ofInstaller } = await targetOf(parts, profile, order.release);
  const { address, notes: ofAddress } = await parts.addresses.peek({ nodeUuid: order.node.uuid, cluster: profile.cluster ?? null });
  const draft = await parts.drafts({ node: order.node, profile, edition: target, address });
  const { document, fqdn, managementMac } = draft;
  const { notes: ofDisks, ...disks } = await disksOf(parts, order.node, profile);
  const plan = { ...disks, document, fqdn, managementMac: managementMac ?? '', address };
  const rendered = renderAnswer({ rules: answerRules, plan, target, secrets: await masks(parts) });
  const ofPort = managementMac === null ? ['no port of the node is known yet'] : [];
  return {
    profile: profile.name,
    template: draft.template,
    product: target.product,
    release: target.release,
    text: isSound(draft.faults) ? masked(rendered.text) : null,
    faults: [...draft.faults, ...placed(rendered.faults, draft.origins)],
    notes: [...ofInstaller, ...ofAddress, ...ofDisks, ...ofPort],
  };
}

function isSound(faults: readonly PlacedFault[]): boolean {
  return faults.every(({ severity }) => severity !== 'error');
}

async function last(parts: PreviewParts, { node, release }: PreviewOrder): Promise<AnswerPreview> {
  const found = await parts.lastPlan(node.uuid);
  if (found === null)
    throw failProtocol('install.no_installation', {
      message: 'no installation of the node is known',
      hint: 'Leave it out to see the answer as it would be now.',
    });
  const { plan } = found;
  const product = found.target?.product ?? 'pve';
  const target = { product, release: release ?? found.target?.release ?? newestOf(product) };
  const rendered = renderAnswer({ rules: answerRules, plan, target, secrets: await masks(parts) });
  return {
    profile: plan.profile,
    template: null,
    ...target,
    text: masked(rendered.text),
    faults: placed(rendered.faults, new Map()),
    notes: [`as it was agreed to for the last installation, with the installer ${plan.installer}`],
  };
}

/** What its installation goes by, or what it was approved with. */
async function ownProfile({ profileOf }: PreviewParts, { uuid, extra }: Node): Promise<string | null> {
  return typeof extra.profile === 'string' ? extra.profile : profileOf(uuid);
}

function profileNamed(profiles: readonly Profile[], name: string | null, node: Node): Profile {
  const ofProxmox = profiles.filter(({ os }) => os === 'proxmox');
  const names = ofProxmox.map((profile) => profile.name);
  const hint = `Name one with --profile: ${names.length === 0 ? 'the configuration has no [[profile]] with os = "proxmox" yet' : names.join(', ')}.`;
  if (name === null)
    throw fail('install.answer_faulty', {
      message: `node ${node.name ?? node.uuid} has no profile yet, which would say what it gets`,
      hint,
    });
  const profile = ofProxmox.find((one) => one.name === name);
  if (profile !== undefined) return profile;
  const word = nearest(name, names);
  const what = profiles.some((one) => one.name === name) ? 'is one with os = "image", which has no answer' : 'is not in the configuration';
  throw fail('install.answer_faulty', {
    message: `the profile ${JSON.stringify(name)} ${what}`,
    hint: word === undefined ? hint : `Did you mean ${word}? ${hint}`,
  });
}

interface Aimed {
  readonly target: Pick<AnswerTarget, 'product' | 'release'>;
  readonly notes: readonly string[];
}

/** Without an installer the answer can be looked at all the same. */
async function targetOf({ installers }: PreviewParts, profile: Profile, release: string | undefined): Promise<Aimed> {
  const installer = profile.image === undefined ? await installers.newest('pve') : await installers.find(profile.image);
  const product = installer?.product ?? 'pve';
  const target = { product, release: release ?? installer?.release ?? newestOf(product) };
  if (installer !== undefined) return { target, notes: [`the installer is ${installer.name}`] };
  return { target, notes: [`no installer is imported yet: this is for ${TITLES[product]} ${target.release}`] };
}

function newestOf(product: Product): string {
  return Object.keys(INSTALLERS[product]).at(-1) ?? '';
}

interface DraftedDisks extends Pick<InstallPlan, 'filesystem' | 'raid' | 'selection'> {
  readonly notes: readonly string[];
}

/** Stamps are made for a deployment; here stands what they will look like. */
async function disksOf({ nodes }: PreviewParts, node: Node, profile: Profile): Promise<DraftedDisks> {
  const wanted = systemDisksOf(profile.system_disks);
  const { filesystem } = wanted;
  const selection = { filter: { ID_PART_TABLE_UUID: '00000000*' }, 'filter-match': 'any' };
  const fallback: RaidLevel = wanted.raid === 'auto' ? 'single' : wanted.raid;
  const report = await nodes.inventory(node.uuid);
  if (report === undefined) return { filesystem, raid: fallback, selection, notes: ['the disks of the node are not known yet'] };
  const choice = chooseSystemDisks({ disks: machineDisks(report), wanted, bootMode: bootModeOf(report) });
  if (choice.problem !== null) return { filesystem, raid: fallback, selection, notes: [choice.problem] };
  const titles = choice.disks.map(({ title }) => title).join(', ');
  const notes = [`${titles}: ${choice.why}`, 'the prefix 00000000 stands for one of the deployment, which only these disks bear'];
  return { filesystem, raid: choice.raid, selection, notes };
}

const MASK = '******';
/** Of the right form, so that the rules have nothing against them; each is replaced in the text. */
const PASSWORD = 'masked-password-of-root';
const HASH = `$6$maskedmaskedmask$${'masked'.repeat(15).slice(0, 86)}`;
const WORD = 'masked-secret-of-the-installation';

async function masks({ ownKey, site: { url, fingerprint } }: PreviewParts): Promise<AnswerSecrets> {
  return {
    rootPassword: PASSWORD,
    rootPasswordHash: HASH,
    rootKeys: [await ownKey()],
    fingerprint,
    hook: { url: `${url}/install/done/${WORD}`, token: WORD },
    firstBoot: { url: `${url}/install/first-boot/${WORD}` },
  };
}

function masked(text: string | null): string | null {
  return text === null ? null : [PASSWORD, HASH, WORD].reduce((before, secret) => before.replaceAll(secret, MASK), text);
}
