// agent: restarts and switches off through our agent, while it runs on the machine. It can not start one that is off.

import { Type } from 'typebox';
import type { Random } from '../lib/index.ts';
import type { AgentDesk } from './agent-desk.ts';
import { fail } from './errors.ts';
import type { Driver, PowerTarget } from './seam.ts';
import type { ToldOff } from './told.ts';

export interface AgentParts {
  readonly desk: AgentDesk;
  readonly toldOff: ToldOff;
  readonly random: Pick<Random, 'uuid'>;
}

const TARGETS: readonly PowerTarget[] = ['power off', 'rebooting', 'soft rebooting', 'soft power off'];

const ORDERS = 'power';

export function agentDriver({ desk, toldOff, random }: AgentParts): Driver {
  /** Resolves when the agent said that it goes. */
  async function tell(title: string, uuid: string, name: 'reboot' | 'power_off', signal: AbortSignal): Promise<void> {
    const key = `${ORDERS}:${random.uuid()}`;
    // Whoever placed one before was killed, as one at a time works on a node: the machine would go once more when nobody expects it.
    await desk.cancel(uuid, 'another order takes its place', ORDERS);
    await desk.place(uuid, { key, name, args: {} });
    try {
      const end = await desk.ended(uuid, key, signal);
      if (end?.state === 'done') return;
      throw fail('power.refused', {
        message: `the agent on node ${title} did not ${name === 'reboot' ? 'restart it' : 'switch it off'}: ${end?.state === 'failed' ? end.message : 'the order is gone'}`,
        hint: 'Look at its screen, or switch it by hand.',
      });
    } catch (error) {
      // An order that is given out later than anybody waits for it would surprise.
      await desk.cancel(uuid, 'nobody waits for it any more', key);
      throw error;
    }
  }

  return {
    interface: 'power',
    name: 'agent',
    title: 'through the agent on the machine',
    info: Type.Object({}),
    refusal: () => null,
    power: {
      targets: TARGETS,
      state: async ({ uuid }, call) => {
        call.signal.throwIfAborted();
        if (desk.isBeating(uuid)) {
          await toldOff.forget(uuid);
          return 'power on';
        }
        return (await toldOff.read(uuid)) ? 'power off' : null;
      },
      set: async ({ uuid, name }, wanted, call) => {
        call.signal.throwIfAborted();
        if (!(await desk.seen(uuid, call.signal))) {
          throw fail('power.unreachable', {
            message: `the agent does not run on node ${name ?? uuid}: it was not heard in the last 95 s`,
            hint: 'Boot the agent on it, or switch it by another power_interface.',
          });
        }
        const isOff = wanted === 'power off' || wanted === 'soft power off';
        await tell(name ?? uuid, uuid, isOff ? 'power_off' : 'reboot', call.signal);
        if (isOff) await toldOff.mark(uuid);
      },
    },
  };
}
