// Boot order of UEFI machines by efibootmgr: network first or disk first; asked again, drift is seen. Proven on a shim that answers as
// efibootmgr 17 and 18 do; which firmware keeps what it is told, no test can say: it is read back.

import { type Static, Type } from 'typebox';
import type { PipelineStep, StepContext, Verdict } from '../seam.ts';
import { oneOf } from '../system/args.ts';
import { type BootOptions, planOrder, readBootOptions } from '../system/efi-boot-codec.ts';
import { impossible, planned, refusal } from '../system/verdicts.ts';

const Args = Type.Object(
  {
    order: oneOf(['network-first', 'disk-first', 'leave', 'profile'], {
      description: '"network-first" lets the appliance decide at each boot; "profile": as boot_order of the profile says.',
      default: 'profile',
    }),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

type Looked = { readonly verdict: Verdict; readonly order: readonly string[]; readonly activate: readonly string[] };

export const step: PipelineStep<Args> = {
  name: 'boot-order',
  title: 'Boot order',
  provenOn: 'shim',
  args: Args,
  timeoutMs: 120_000,
  describe: ({ order }) => (order === 'profile' ? 'the boot order that its profile asks for' : `boot order: ${order}`),
  check: async (context) => (await look(context)).verdict,
  apply: async (context) => {
    const { verdict, order, activate } = await look(context);
    if (verdict.is === 'impossible') throw refusal(verdict);
    if (verdict.is === 'satisfied') return;
    for (const number of activate) await context.shell.must(['efibootmgr', '-q', '-b', number, '-a']);
    await context.shell.must(['efibootmgr', '-q', '-o', order.join(',')]);
  },
};

async function look({ shell, args, profile }: StepContext<Args>): Promise<Looked> {
  const wanted = args.order === 'profile' ? (profile.boot_order ?? 'network-first') : args.order;
  if (wanted !== 'network-first' && wanted !== 'disk-first') return only(planned([], 'the boot order is left as it is'));
  if ((await shell.run(['test', '-d', '/sys/firmware/efi'])).code !== 0)
    return only(planned([], 'it boots by BIOS, whose boot order nobody can set from here: see that its set-up has the network first'));
  const { code, out, err } = await shell.run(['efibootmgr', '-v']);
  if (code === 127) return only(impossible('efibootmgr is not installed', 'Put it into the step packages, before this one.'));
  if (code !== 0) return only(impossible(`efibootmgr can not read the boot entries: ${err.trim().slice(0, 300)}`, SETUP));
  const options = readBootOptions(out);
  const partitions = wanted === 'disk-first' ? await shell.must(['ls', '-1', '/dev/disk/by-partuuid']) : '';
  const plan = planOrder(options, wanted, new Set(partitions.toLowerCase().split('\n')));
  if (plan.is === 'none-for-network') return only(impossible('the firmware has no entry for booting by the network', SETUP));
  if (plan.is === 'none-for-disk')
    return only(impossible('no boot entry of the firmware is for a partition of this machine', 'proxmox-boot-tool reinit makes one.'));
  return { ...plan, verdict: planned(wordsOf(plan, options), `${wanted}: ${named(plan.order, options)}`) };
}

const SETUP = "Look at the machine's set-up: network boot (PXE, IPv4) on, and UEFI's boot entries not locked.";

function only(verdict: Verdict): Looked {
  return { verdict, order: [], activate: [] };
}

function wordsOf(
  { order, activate }: { readonly order: readonly string[]; readonly activate: readonly string[] },
  options: BootOptions,
): string[] {
  const isSame = order.join(',') === options.order.join(',');
  return [
    ...activate.map((number) => `the boot entry ${named([number], options)} is switched on`),
    ...(isSame && activate.length === 0 ? [] : [`boot order ${named(options.order, options)} becomes ${named(order, options)}`]),
  ];
}

function named(numbers: readonly string[], { entries }: BootOptions): string {
  return numbers.map((number) => `${number} (${entries.find((one) => one.number === number)?.label ?? 'unknown'})`).join(', ');
}
