// What is looked at before the first disk is touched, in the order in which a person could do something about it: profile, installer, memory,
// firmware, disks, address, answer. Whatever is against it is said with the next step, and nothing has happened then.

import { assert, messageOf } from '../../lib/index.ts';
import { type Node, nodeTitle } from '../../nodes/index.ts';
import {
  bootModeOf,
  chooseSystemDisks,
  type MachineReport,
  machineDisks,
  makeStamps,
  ofLastSystem,
  type RenameAsk,
  renamedElsewhere,
  systemDisksOf,
  tableIds,
  udevOf,
  withinPlan,
} from '../disks/index.ts';
import { type GateVerdict, installerGate, memoryGate, secureBootGate } from '../gates-decide.ts';
import { fail } from '../protocol/errors.ts';
import { faultText } from '../render/index.ts';
import type { DiskSelection, Installer, InstallPlan, RaidLevel, SystemDisks } from '../seam.ts';
import { type Answering, SAMPLE } from './answer.ts';
import type { DeskParts, DeskProfile } from './parts.ts';

type DiskRef = InstallPlan['disks'][number];

export interface PrepareOrder {
  readonly nodeUuid: string;
  readonly disks: readonly DiskRef[];
  /** Of these, those that hold the last system. */
  readonly systemOn: readonly DiskRef[];
  readonly isRebuild: boolean;
  progress(fraction: number, text: string): void;
}

/** The web hook came with it: before, nobody would learn that an installation has ended. */
const HOOKS_SINCE = [8, 3] as const;
const MIB = 1024 ** 2;

/** A profile may be named by whoever deploys, else it is the one that the machine was taken in with. */
export function profileOf(
  { config }: Pick<DeskParts, 'config'>,
  { extra }: { readonly extra?: unknown },
): { readonly profile: DeskProfile } | { readonly refused: string } {
  const name: unknown = typeof extra === 'object' && extra !== null ? Reflect.get(extra, 'profile') : undefined;
  const known = config.profile.filter(({ os }) => os === 'proxmox').map((one) => one.name);
  const names = known.length === 0 ? 'there is no [[profile]] with os = "proxmox"' : `there is ${known.join(', ')}`;
  if (typeof name !== 'string') return { refused: `nobody said which profile it gets (extra.profile); ${names}` };
  const profile = config.profile.find((one) => one.name === name);
  if (profile?.os === 'proxmox') return { profile };
  return { refused: `its profile ${name} is ${profile === undefined ? 'not in the configuration' : 'not of os = "proxmox"'}; ${names}` };
}

export async function planFor(parts: DeskParts, answering: Answering, order: PrepareOrder): Promise<InstallPlan> {
  const node = await parts.nodes.get(order.nodeUuid);
  const found = profileOf(parts, node);
  if ('refused' in found) throw refused(node, found.refused, 'Name one: rackseed node approve NODE --profile PROFILE');
  const { profile } = found;
  const installer = await installerFor(parts, node, profile);
  const report = await reportOf(parts, node);
  const wanted = systemDisksOf(profile.system_disks);
  order.progress(0.2, `${titleOf(installer)}, profile ${profile.name}`);
  gates(parts, order, { node, profile, installer, report, wanted });
  const last = await lastDisks(parts, order);
  const chosen = disksFor(parts, order, { node, report, wanted, last });
  refuseRenames(node, { report, chosen: chosen.refs, filesystem: wanted.filesystem, product: installer.product });
  order.progress(0.5, chosen.why);
  const { address, notes } = await parts.addresses.give({
    nodeUuid: node.uuid,
    cluster: profile.cluster ?? null,
    macs: (await parts.nodes.ports.ofNodes([node.uuid])).map((port) => port.address),
  });
  for (const note of notes) tell(parts, node, 'address', note);
  order.progress(0.8, address === null ? 'its address comes from DHCP' : `its address is ${address.cidr}`);
  const draft = await parts.drafts({ node, profile, edition: installer, address });
  const faults = draft.faults.filter(({ severity }) => severity === 'error');
  if (faults.length > 0)
    throw refused(
      node,
      `the answer of profile ${profile.name} can not be made: ${faults.map(faultText).join(' ')}`,
      'Mend the template, and deploy it again.',
    );
  if (draft.managementMac === null) throw refused(node, 'no port of it is known', 'Let it boot the agent: it reports its ports.');
  const plan: InstallPlan = {
    installer: installer.id,
    profile: profile.name,
    filesystem: wanted.filesystem,
    raid: chosen.raid,
    disks: chosen.refs,
    stamps: chosen.selection.stamps,
    selection: chosen.selection.selection,
    fqdn: draft.fqdn,
    managementMac: draft.managementMac,
    address,
    document: draft.document,
  };
  // Refused now what would be refused when it is too late.
  await answering.render({ nodeUuid: node.uuid, plan, ...SAMPLE });
  return plan;
}

async function installerFor({ installers }: DeskParts, node: Node, { name, image }: DeskProfile): Promise<Installer> {
  const found = image === undefined ? await installers.newest('pve') : await installers.find(image);
  if (found === undefined)
    throw refused(
      node,
      `profile ${name} needs an installer of Proxmox VE, and none that can be used was imported`,
      'rackseed image add FILE',
    );
  const [major = 0, minor = 0] = found.release.split('.').map(Number);
  // Releases of the other products are counted otherwise; all that can be installed unattended have the hook.
  const isTooOld = found.product === 'pve' && (major < HOOKS_SINCE[0] || (major === HOOKS_SINCE[0] && minor < HOOKS_SINCE[1]));
  if (!isTooOld) return found;
  throw refused(
    node,
    `the installer of ${titleOf(found)} can not tell that it has finished: that came with ${HOOKS_SINCE.join('.')}`,
    'Import a newer one, and name it as image of the profile: rackseed image add FILE',
  );
}

async function reportOf({ nodes }: DeskParts, node: Node): Promise<MachineReport> {
  const report = await nodes.inventory(node.uuid);
  if (report !== undefined) return report;
  throw refused(node, 'nobody knows what it is made of', 'Let it boot the agent: it reports its inventory.');
}

interface Gated {
  readonly node: Node;
  readonly profile: DeskProfile;
  readonly installer: Installer;
  readonly report: MachineReport;
  readonly wanted: SystemDisks;
}

function gates(parts: DeskParts, order: PrepareOrder, { node, profile, installer, report, wanted }: Gated): void {
  const title = titleOf(installer);
  const boot = partOf(report.inventory.boot);
  const verdicts: GateVerdict[] = [
    installerGate({ ...installer, title, filesystem: wanted.filesystem, profile: profile.name }),
    memoryGate({ memoryMb: memoryOf(report), isoBytes: installer.iso.bytes, minMemoryMb: parts.config.install.min_memory_mb, title }),
    secureBootGate({
      secureBoot: typeof boot.secure_boot === 'boolean' ? boot.secure_boot : null,
      loader: boot.chain === 'shim-grub' ? 'shim-grub' : 'ipxe',
      title,
    }),
  ];
  for (const verdict of verdicts) {
    if (verdict.level === 'refused') throw refused(node, verdict.message, verdict.hint);
    if (verdict.level !== 'warning') continue;
    tell(parts, node, 'installed all the same', `${verdict.message}. ${verdict.hint}`);
    order.progress(0.3, verdict.message);
  }
}

interface Choosing {
  readonly node: Node;
  readonly report: MachineReport;
  readonly wanted: SystemDisks;
  readonly last: readonly DiskRef[];
}

/** A disk that was erased since is nobody's any more. */
async function lastDisks({ book }: Pick<DeskParts, 'book'>, { nodeUuid, systemOn, isRebuild }: PrepareOrder): Promise<readonly DiskRef[]> {
  if (systemOn.length > 0 || !isRebuild) return systemOn;
  return (await book.lastAnswered(nodeUuid))?.plan.disks ?? [];
}

interface Chosen {
  readonly refs: readonly DiskRef[];
  readonly raid: RaidLevel;
  readonly selection: DiskSelection;
  readonly why: string;
}

function disksFor({ random }: DeskParts, order: PrepareOrder, { node, report, wanted, last }: Choosing): Chosen {
  const allowedDisks = ofLastSystem({ disks: machineDisks(report), last });
  if ('refused' in allowedDisks)
    throw refused(
      node,
      allowedDisks.refused,
      'Put it back; or, for a system on other disks, give the node up first (provision state deleted), approve its disks anew, and deploy it.',
    );
  const choice = chooseSystemDisks({ disks: allowedDisks.disks, wanted, bootMode: bootModeOf(report) });
  if (choice.problem !== null)
    throw refused(
      node,
      last.length === 0 ? choice.problem : `of the disks of its last system, ${choice.problem}`,
      last.length === 0
        ? 'Change system_disks of its [[profile]], or the disks, and approve it anew: rackseed node plan NODE'
        : 'It is installed anew on the disks that it had: set system_disks of its [[profile]] so that they fit, or give the node up first (provision state deleted).',
    );
  const allowed = withinPlan(choice.disks, order.disks);
  if ('refused' in allowed)
    throw refused(node, allowed.refused, 'Look at the plan, and say yes to one that names them: rackseed node plan NODE');
  const udev = udevOf(report);
  if (udev === null)
    throw refused(
      node,
      'its agent did not report what udev knows of its disks, so that nobody can tell what the installer will select',
      'Let it boot the agent of this appliance again.',
    );
  const { refs } = allowed;
  const selection = makeStamps({ count: refs.length, taken: tableIds(report, udev.block), random });
  return { refs, raid: choice.raid, selection, why: `the system goes to ${refs.map(({ title }) => title).join(' and ')}` };
}

function refuseRenames(node: Node, ask: RenameAsk): void {
  const renamed = renamedElsewhere(ask);
  if (renamed === null) return;
  throw refused(
    node,
    renamed,
    'Pull that disk out while the machine is installed, or say yes to erasing it: rackseed node approve NODE --wipe-serial SERIAL',
  );
}

function memoryOf({ inventory }: MachineReport): number {
  const { total } = partOf(inventory.memory);
  assert(typeof total === 'number', 'an inventory without its memory');
  return Math.floor(total / MIB);
}

function partOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function titleOf({ title, release, isoRelease }: Installer): string {
  return `${title} ${release}-${isoRelease}`;
}

function tell({ store }: Pick<DeskParts, 'store'>, node: Node, decision: string, reason: string): void {
  store.reasons.note({ subject: `node:${node.uuid}`, area: 'install', decision, reason });
}

export function refused(node: Pick<Node, 'uuid' | 'name'>, why: string, hint: string, cause?: unknown): Error {
  const because = cause === undefined ? why : `${why}: ${messageOf(cause)}`;
  return fail('install.refused', { message: `${nodeTitle(node)} is not installed: ${because}`, hint, cause });
}
