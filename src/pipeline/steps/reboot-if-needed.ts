// Starts the machine anew where a newer kernel or a package asks for it, and waits until it is back under its own host key. Proven on a shim
// that dies and comes back; never with guests running unless told.

import { type Static, Type } from 'typebox';
import { RackseedError } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import type { PipelineStep, StepContext, Verdict } from '../seam.ts';
import { nextKernel } from '../system/kernels-codec.ts';
import { impossible, planned, refusal } from '../system/verdicts.ts';

const Args = Type.Object(
  {
    minutes: Type.Integer({
      description: 'How long it may take to come back. Servers test their memory for many minutes.',
      minimum: 1,
      maximum: 240,
      default: 20,
    }),
    with_guests: Type.Boolean({ description: 'Also where guests run: they are shut down with it.', default: false }),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

const BOOT_ID = '/proc/sys/kernel/random/boot_id';
const NOTE = 'reboot.from';
const POLL_MS = 5000;
/** Of its services, once SSH answers. */
const SETTLE_MS = 300_000;

const LOOK = `# what starts next, and what runs
ls -1 /boot
printf '\\001'
cat /etc/kernel/next-boot-pin 2>/dev/null || :
printf '\\001'
cat /etc/kernel/proxmox-boot-pin 2>/dev/null || :
printf '\\001'
cat /run/reboot-required /run/reboot-required.pkgs 2>/dev/null || :
printf '\\001'
pgrep -l -x 'kvm|lxc-start' || :`;

export const step: PipelineStep<Args> = {
  name: 'reboot-if-needed',
  title: 'Start anew if needed',
  provenOn: 'shim',
  args: Args,
  timeoutMs: 4 * 3_600_000 + SETTLE_MS + 60_000,
  // Two members that are away at once may cost the quorum.
  lock: (_, { cluster }) => (typeof cluster?.name === 'string' ? `reboot:${cluster.name}` : null),
  describe: () => 'runs the kernel that it has',
  check: look,
  apply: async (context) => {
    const { shell, notes } = context;
    const now = await bootId(context);
    const from = notes.get(NOTE);
    // Cut off while it was away: it has come back since.
    if (from === undefined || from === '' || from === now) {
      const verdict = await look(context);
      if (verdict.is === 'impossible') throw refusal(verdict);
      if (verdict.is === 'satisfied') return;
      await notes.set(NOTE, now);
      context.progress(0.1, 'it starts anew');
      await away(shell.run(['systemctl', 'reboot'], { timeoutMs: 60_000 }));
      await isBack(context, now);
    }
    context.progress(0.9, 'it is back: waiting for its services');
    const state = (await shell.run(['systemctl', 'is-system-running', '--wait'], { timeoutMs: SETTLE_MS })).out.trim();
    context.log(`the system is ${state || 'in an unknown state'}`);
    await notes.set(NOTE, '');
  },
};

async function look({ shell, args }: StepContext<Args>): Promise<Verdict> {
  const running = (await shell.must(['uname', '-r'])).trim();
  const [boot = '', once = '', always = '', asked = '', guests = ''] = (await shell.script(LOOK, [])).out.split('\u0001');
  const next = nextKernel(boot.split('\n'), { once, always });
  const packages = asked.split('\n').filter((line) => line !== '' && !line.startsWith('***'));
  const plan = [
    ...(next === null || next === running ? [] : [`it starts anew: it runs the kernel ${running}, and has ${next}`]),
    ...(asked.trim() === '' ? [] : [`it starts anew: ${packages.join(', ') || 'its system'} asks for it`]),
  ];
  const count = guests.split('\n').filter((line) => line !== '').length;
  if (plan.length > 0 && count > 0 && !args.with_guests)
    return impossible(`${plan.join('; ')}; but ${count} guests run on it`, 'Move or stop them, or give this step with_guests = true.');
  return planned(plan, `runs the kernel ${running}`);
}

async function bootId({ shell }: StepContext<Args>): Promise<string> {
  return (await shell.must(['cat', BOOT_ID])).trim();
}

/** The connection ends with the machine. */
async function away(command: Promise<{ readonly code: number | null; readonly err: string }>): Promise<void> {
  try {
    const { code, err } = await command;
    if (code !== 0 && code !== null) throw refusal({ reason: `it does not start anew: ${err.trim()}`, hint: 'Does systemd work there?' });
  } catch (thrown) {
    if (!isAway(thrown)) throw thrown;
  }
}

function isAway(thrown: unknown): boolean {
  return (
    thrown instanceof RackseedError && ['proxmox.shell_broke', 'proxmox.shell_unreachable', 'proxmox.shell_timeout'].includes(thrown.code)
  );
}

/** Another host key is not its own: proxmox.not_trusted ends the waiting. */
async function isBack(context: StepContext<Args>, before: string): Promise<void> {
  const { args, clock, signal, node } = context;
  const end = clock.monotonic() + args.minutes * 60_000;
  while (clock.monotonic() < end) {
    await clock.sleep(POLL_MS, signal);
    try {
      if ((await bootId(context)) !== before) return;
    } catch (thrown) {
      if (!isAway(thrown)) throw thrown;
    }
  }
  throw fail('pipeline.timeout', {
    message: `${node.name} did not come back within ${args.minutes} minutes of being started anew`,
    hint: 'Look at its console. When it is up, retry the step: it is not started a second time.',
  });
}
