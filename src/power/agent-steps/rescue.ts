// rescue=agent: the agent opens an SSH shell in the RAM system, for the password of this rescue and for the keys of the node's driver_info.
// The password leaves the appliance as its hash only. Who boots what, and when, is the life cycle's business.

import { Type } from 'typebox';
import { type Random, saltOf, sha512Crypt } from '../../lib/index.ts';
import type { AgentDesk } from '../agent-desk.ts';
import { fail } from '../errors.ts';
import { infoRefusal, opened } from '../info.ts';
import type { Driver, DriverStep, StepOutcome, StepRun, Target } from '../seam.ts';

const KEYS = 'rescue_ssh_keys';
const KEYS_MAX = 16;
const SALT_BYTES = 16;
const CLOSE_MS = 120_000;
const KEYS_INFO = Type.Object({
  [KEYS]: Type.Optional(
    Type.Union([Type.Array(Type.String({ maxLength: 8192 }), { maxItems: KEYS_MAX }), Type.String({ maxLength: 65_536 })], {
      description:
        'Public SSH keys that are let into a rescue shell beside its password: a list, or one text with a key on each line. Optional.',
    }),
  ),
});

const RESCUE: DriverStep = { kind: 'rescue', step: 'rescue', priority: 100, title: 'Open a rescue shell', needsRamdisk: true };
const UNRESCUE: DriverStep = { kind: 'unrescue', step: 'unrescue', priority: 100, title: 'Close the rescue shell', leavesAgent: true };

export interface RescueParts {
  readonly desk: AgentDesk;
  readonly random: Pick<Random, 'bytes'>;
}

export function agentRescue({ desk, random }: RescueParts): Driver {
  const standing = async (uuid: string, key: string): Promise<StepOutcome> => {
    const now = await desk.standing(uuid, key);
    if (now?.state === 'done') return { result: now.result };
    if (now?.state === 'failed')
      throw fail('power.refused', { message: `the agent opened no rescue shell: ${now.message}`, hint: 'Rescue it again.' });
    return 'wait';
  };

  return {
    interface: 'rescue',
    name: 'agent',
    title: 'the agent opens a rescue shell',
    info: KEYS_INFO,
    refusal: ({ driverInfo }) => infoRefusal(KEYS_INFO, driverInfo),
    steps: [RESCUE, UNRESCUE],
    async runStep(step, target, run) {
      if (step.kind === 'unrescue') return close(desk, target, run);
      const { rescue_password: password } = run.args;
      const hasPassword = typeof password === 'string' && password !== '';
      const args = {
        passwordHash: hasPassword ? sha512Crypt(password, saltOf(random.bytes(SALT_BYTES))) : null,
        keys: keysIn(target),
      };
      // Placed before the agent runs: it is given to it as soon as it is heard.
      await desk.place(target.uuid, { key: run.key, name: 'rescue', args });
      return standing(target.uuid, run.key);
    },
    continueStep: (_step, { uuid }, { key }) => standing(uuid, key),
  };
}

/** The machine restarts next. A shell that does not close ends with that; its file systems are better unmounted first. */
async function close(desk: AgentDesk, { uuid }: Target, { key, signal, log }: StepRun): Promise<StepOutcome> {
  if (!desk.isBeating(uuid)) return {};
  await desk.place(uuid, { key, name: 'unrescue', args: {} });
  const tooLong = AbortSignal.timeout(CLOSE_MS);
  const end = await desk.ended(uuid, key, AbortSignal.any([signal, tooLong])).catch((error: unknown) => {
    if (signal.aborted || !tooLong.aborted) throw error;
    return { state: 'failed', message: `its agent did not answer in ${CLOSE_MS / 1000} s` } as const;
  });
  if (end?.state === 'failed') log.warn({ node: uuid, reason: end.message }, 'the rescue shell was not closed before the restart');
  return {};
}

function keysIn({ driverInfo }: Target): string[] {
  const value = opened(driverInfo[KEYS]);
  const list: readonly unknown[] = Array.isArray(value) ? value : typeof value === 'string' ? value.split('\n') : [];
  return list
    .filter((one) => typeof one === 'string')
    .map((one) => one.trim())
    .filter((one) => one !== '' && !one.startsWith('#'))
    .slice(0, KEYS_MAX);
}
