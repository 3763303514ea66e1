// Bridges, bonds and VLANs of a node, its address too; what cannot be confirmed takes itself back. Proven on a shim with a clock that is turned,
// and in a network namespace on the real ifupdown2 of Debian 13: bridges of ports, their change, their way back.

import { type Static, Type } from 'typebox';
import { RackseedError } from '../../lib/index.ts';
import type { RootShell } from '../../proxmox/index.ts';
import { fail } from '../errors.ts';
import type { PipelineStep, StepContext, Verdict } from '../seam.ts';
import { oneOf } from '../system/args.ts';
import { isSameNetwork, readGateway, readInterfaces, readLinks, writeInterfaces } from '../system/interfaces-codec.ts';
import { missingOf, type Wanted, wantedNetwork } from '../system/network-decide.ts';
import { BEFORE, BEGIN, CONFIRM, FILE, LOADED, NEW, SAID, TAKE_BACK, TAKE_BACK_TEXT, UNIT, UNIT_TEXT } from '../system/network-scripts.ts';
import { impossible, planned, refusal } from '../system/verdicts.ts';

const NAME = '^[a-z][a-z0-9_-]{0,14}$';
const PORT = '^(?:[a-z][a-z0-9_.-]{0,14}|[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5})$';
const CIDR = '^(?:(?:[0-9]{1,3}\\.){3}(?:[0-9]{1,3}|\\{host\\})/[0-9]{1,2}|[0-9A-Fa-f:]+/[0-9]{1,3})$';

const closed = { additionalProperties: false } as const;
const common = {
  mtu: Type.Integer({ description: 'MTU; 0: as it is.', minimum: 0, maximum: 65_535, default: 0 }),
  addresses: Type.Array(Type.String({ pattern: CIDR, maxLength: 64 }), {
    description: 'Addresses with prefix; {host} is the last number of the management address.',
    maxItems: 16,
    default: [],
  }),
};
const ports = Type.Array(Type.String({ pattern: PORT }), { description: 'Ports by name or MAC address.', maxItems: 32, default: [] });

const Args = Type.Object(
  {
    bonds: Type.Array(
      Type.Object(
        {
          name: Type.String({ pattern: '^bond[0-9]{1,4}$' }),
          ports,
          mode: oneOf(['active-backup', '802.3ad', 'balance-xor', 'balance-rr', 'balance-tlb', 'balance-alb', 'broadcast'], {
            description: '802.3ad (LACP) needs the switch to know.',
            default: 'active-backup',
          }),
          hash: oneOf(['', 'layer2', 'layer2+3', 'layer3+4'], { description: 'How 802.3ad and balance-xor spread.', default: '' }),
          primary: Type.String({ description: 'The port that active-backup prefers.', pattern: `${PORT}|^$`, default: '' }),
          ...common,
        },
        closed,
      ),
      { description: 'Bonds: {name, ports, mode, hash, primary, mtu, addresses}.', maxItems: 16, default: [] },
    ),
    bridges: Type.Array(
      Type.Object(
        {
          name: Type.String({ pattern: '^vmbr[0-9]{1,4}$' }),
          ports,
          vlan_aware: Type.Boolean({ default: true }),
          vids: Type.String({
            description: 'VLANs that guests may use.',
            pattern: '^[0-9]+(?:-[0-9]+)?(?: [0-9]+(?:-[0-9]+)?)*$',
            default: '2-4094',
          }),
          ...common,
        },
        closed,
      ),
      { description: 'Bridges: {name, ports, vlan_aware, vids, mtu, addresses}.', maxItems: 64, default: [] },
    ),
    vlans: Type.Array(
      Type.Object({ parent: Type.String({ pattern: NAME }), tag: Type.Integer({ minimum: 1, maximum: 4094 }), ...common }, closed),
      { description: 'Tagged VLANs: {parent, tag, mtu, addresses}; the interface is parent.tag.', maxItems: 64, default: [] },
    ),
    ports: Type.Array(Type.Object({ port: Type.String({ pattern: PORT }), ...common }, closed), {
      description: 'Ports by themselves, as for Ceph or corosync: {port, mtu, addresses}.',
      maxItems: 64,
      default: [],
    }),
    management: Type.Object(
      {
        interface: Type.String({
          description: 'The interface with the address that the node is managed at.',
          pattern: '^[a-z][a-z0-9_.-]{0,14}$',
          default: 'vmbr0',
        }),
        address: Type.String({
          description: '"keep", or an IPv4 address with prefix; {host}: the last number of now.',
          pattern: `^keep$|${CIDR}`,
          default: 'keep',
        }),
        gateway: Type.String({ description: '"keep", "none" or an address.', pattern: '^(?:keep|none|[0-9A-Fa-f:.]+)$', default: 'keep' }),
      },
      { ...closed, description: 'Where the node is managed from then on: before it joins a cluster only.', default: {} },
    ),
    confirm_seconds: Type.Integer({
      description: 'After how long a change that could not be confirmed takes itself back.',
      minimum: 30,
      maximum: 1800,
      default: 120,
    }),
  },
  closed,
);
type Args = Static<typeof Args>;

const POLL_MS = 3000;
/** Before the timer ends: nothing is confirmed that may be taken back at the same moment. */
const MARGIN_MS = 5000;
/** What loading the old network takes. */
const BACK_MS = 30_000;
const TAKEN_BACK = 3;
/** The address that it is about to be managed at. */
const NOTE = 'network.to';

export const step: PipelineStep<Args> = {
  name: 'network',
  title: 'Network',
  provenOn: 'shim',
  args: Args,
  timeoutMs: 3_600_000,
  describe: ({ bridges, bonds, vlans, management }) =>
    `${
      [...bonds, ...bridges]
        .map(({ name }) => name)
        .concat(vlans.map(({ parent, tag }) => `${parent}.${tag}`))
        .join(', ') || 'the ports'
    }; managed by ${management.interface}`,
  check: (context) =>
    onMachine(context, async (shell) => {
      const { verdict } = await look(context, shell);
      const isAhead = shell.address !== context.shell.address;
      return isAhead && verdict.is === 'satisfied' ? planned([`from now on it is managed at ${shell.address}`], '') : verdict;
    }),
  apply,
};

interface Looked {
  readonly verdict: Verdict;
  readonly wanted: (Wanted & { readonly is: 'wanted' }) | null;
  readonly isPending: boolean;
}

async function look(context: StepContext<Args>, shell: RootShell): Promise<Looked> {
  const { args, node } = context;
  const none = { wanted: null, isPending: false };
  if ((await shell.run(['test', '-x', '/usr/sbin/ifreload'])).code !== 0)
    return { ...none, verdict: impossible('ifupdown2 is not installed', 'Proxmox VE has it. Elsewhere put it into the step packages.') };
  if ((await shell.run(['test', '-e', `${FILE}.new`])).code === 0)
    return {
      ...none,
      verdict: impossible('somebody has a change of the network waiting in Proxmox VE', 'Apply or revert it there: Node > Network.'),
    };
  const links = readLinks(await shell.must(['ip', '-j', '-d', 'address', 'show']));
  const gateway = readGateway(await shell.must(['ip', '-j', '-4', 'route', 'show', 'default']));
  const file = readInterfaces((await shell.readFile(FILE))?.toString() ?? '');
  // Where it was reached: the address of the node may be one that it has left since.
  const wanted = wantedNetwork(args, { links, gateway, file, address: shell.address });
  if (wanted.is === 'refused') return { ...none, verdict: impossible(wanted.reason, wanted.hint) };
  const isClustered = (await shell.run(['test', '-e', '/etc/pve/corosync.conf'])).code === 0;
  if (isClustered && wanted.address !== shell.address)
    return {
      ...none,
      verdict: impossible(`${node.name} is in a cluster: its address stays ${shell.address}`, 'Set management.address to "keep".'),
    };
  const isPending = (await shell.run(['test', '-e', BEFORE])).code === 0;
  const isSame = isSameNetwork(file, wanted.file);
  const missing = isSame ? missingOf(wanted.ours, links) : [];
  return {
    wanted,
    isPending,
    verdict: planned(
      [
        ...(isSame ? [] : wanted.words.length > 0 ? wanted.words : [`${FILE} is written anew`]),
        ...missing.map((words) => `${words}: the network is loaded anew`),
        ...(wanted.address === shell.address ? [] : [`from then on it is managed at ${wanted.address}`]),
        ...(isPending ? ['a change that waits is confirmed, or taken back'] : []),
      ],
      `${wanted.file.auto.filter((name) => name !== 'lo').join(', ')}, managed at ${wanted.address}`,
    ),
  };
}

async function apply(context: StepContext<Args>): Promise<void> {
  const isAhead = await onMachine(context, async (shell) => {
    if (shell.address === context.shell.address || (await look(context, shell)).verdict.is !== 'satisfied') return false;
    await moved(context, shell.address);
    return true;
  });
  if (isAhead) return;
  await onMachine(context, (shell) => changed(context, shell));
}

async function changed(context: StepContext<Args>, shell: RootShell): Promise<void> {
  const { args, clock, notes } = context;
  const { verdict, wanted, isPending } = await look(context, shell);
  if (verdict.is === 'impossible' || wanted === null) throw refusal(verdict.is === 'impossible' ? verdict : BUG);
  if (verdict.is === 'satisfied') return;
  // One that was begun and never confirmed: it is ours to end, and nothing is begun on top of it.
  if (isPending) await takeBack(context, shell);
  const from = context.shell.address;
  await notes.set(NOTE, wanted.address);
  await shell.script('# makes room for what follows\nmkdir -p -- /var/lib/rackseed/network', []);
  await shell.writeFile(TAKE_BACK, TAKE_BACK_TEXT, 0o755);
  await shell.writeFile(UNIT, UNIT_TEXT, 0o644);
  await shell.writeFile(NEW, writeInterfaces(wanted.file), 0o644);
  const end = clock.monotonic() + args.confirm_seconds * 1000;
  context.progress(0.2, `changing the network; ${wanted.address} has ${args.confirm_seconds} s to answer`);
  // The session may end with the network that carried it.
  await unlessAway(begun(context, shell));
  const said = await confirmed(context, { address: wanted.address, end: end - MARGIN_MS });
  if (said === null) {
    await moved(context, wanted.address);
    return;
  }
  await clock.sleep(Math.max(0, end - clock.monotonic()) + BACK_MS, context.signal);
  throw await failedBy(context, { from, to: wanted.address, said });
}

async function moved(context: StepContext<Args>, address: string): Promise<void> {
  if (address !== context.shell.address) await context.moved(address);
  await context.notes.set(NOTE, '');
}

/** Where the machine answers: it may have moved, and we have been cut off before that was written down. */
async function onMachine<T>(context: StepContext<Args>, act: (shell: RootShell) => Promise<T>): Promise<T> {
  const { shell, notes } = context;
  const other = notes.get(NOTE) ?? '';
  if (other === '' || other === shell.address || (await answers(shell))) return act(shell);
  const there = await context.shellAt(other);
  try {
    return await act(there);
  } finally {
    await there.close();
  }
}

async function answers(shell: RootShell): Promise<boolean> {
  try {
    return (await shell.run(['true'])).code === 0;
  } catch (thrown) {
    if (isAway(thrown)) return false;
    throw thrown;
  }
}

const BUG = { reason: 'what was planned is not there any more', hint: 'Run the step again.' };

async function begun({ args }: StepContext<Args>, shell: RootShell): Promise<void> {
  const { code, err } = await shell.script(BEGIN, [String(args.confirm_seconds)], { timeoutMs: 60_000 });
  if (code !== 0) throw refusal({ reason: `the network was not changed: ${err.trim().slice(-500)}`, hint: 'Does systemd-run work there?' });
}

/** Over a new connection each time, to the address of then. Null: it is kept; else why not, the last time. */
async function confirmed(
  context: StepContext<Args>,
  { address, end }: { readonly address: string; readonly end: number },
): Promise<string | null> {
  const { clock, signal } = context;
  let said = 'it was still loading its network';
  let isLoaded = false;
  while (clock.monotonic() < end) {
    await clock.sleep(POLL_MS, signal);
    try {
      const shell = await context.shellAt(address);
      try {
        // A connection from before the end of loading may be one through the old network.
        const isNew = isLoaded;
        isLoaded = (await shell.run(['test', '-e', LOADED])).code === 0;
        if (!isNew) continue;
        const { verdict, wanted, isPending } = await look(context, shell);
        if (verdict.is === 'impossible') said = verdict.reason;
        else if (isPending && wanted !== null && (verdict.is === 'satisfied' || verdict.plan.length === 1)) return await keep(shell);
        else if (verdict.is === 'needed') said = verdict.plan.join('; ');
        else return null;
      } finally {
        await shell.close();
      }
    } catch (thrown) {
      if (!isAway(thrown)) throw thrown;
      said = thrown.message;
    }
  }
  return said;
}

async function keep(shell: RootShell): Promise<string | null> {
  const { code, err } = await shell.script(CONFIRM, []);
  return code === 0 ? null : code === TAKEN_BACK ? 'it had taken itself back' : err.trim();
}

async function takeBack(context: StepContext<Args>, shell: RootShell): Promise<void> {
  context.log('a change that waits to be confirmed is taken back');
  await unlessAway(shell.must(['sh', TAKE_BACK, 'now'], { timeoutMs: 120_000 }));
}

async function failedBy(
  context: StepContext<Args>,
  { from, to, said }: { readonly from: string; readonly to: string; readonly said: string },
): Promise<Error> {
  const { node, args } = context;
  const what = `${node.name} could not be confirmed at ${to} within ${args.confirm_seconds} s (${said})`;
  try {
    const shell = await context.shellAt(from);
    try {
      const loaded = (await shell.readFile(SAID))?.toString().trim().slice(-400) ?? '';
      return fail('pipeline.step_failed', {
        message: `${what}; it went back to its former network${loaded === '' ? '' : `. ifreload said: ${loaded}`}`,
        hint: 'Look at ports, VLANs of the switch and the gateway; then retry the step.',
      });
    } finally {
      await shell.close();
    }
  } catch (thrown) {
    if (!isAway(thrown)) throw thrown;
    return fail('pipeline.step_failed', {
      message: `${what}, and does not answer at ${from} either: ${thrown.message}`,
      hint: 'Start it anew: that takes the change back before its network comes up. Its console shows more.',
    });
  }
}

async function unlessAway(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (thrown) {
    if (!isAway(thrown)) throw thrown;
  }
}

/** Another host key than its own is none of these: it ends the step at once, and the timer takes the change back. */
function isAway(thrown: unknown): thrown is RackseedError {
  return (
    thrown instanceof RackseedError && ['proxmox.shell_broke', 'proxmox.shell_unreachable', 'proxmox.shell_timeout'].includes(thrown.code)
  );
}
