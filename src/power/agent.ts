// agent: restarts and switches off through our agent, while it runs on the machine. It can not start one that is off.

import { Type } from 'typebox';
import type { AgentOrders } from './agent-orders.ts';
import { fail } from './errors.ts';
import type { Driver, PowerTarget } from './seam.ts';
import type { ToldOff } from './told.ts';

export interface AgentParts {
  readonly orders: AgentOrders;
  readonly toldOff: ToldOff;
}

const TARGETS: readonly PowerTarget[] = ['power off', 'rebooting', 'soft rebooting', 'soft power off'];

export function agentDriver({ orders, toldOff }: AgentParts): Driver {
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
        if (orders.isBeating(uuid)) {
          await toldOff.forget(uuid);
          return 'power on';
        }
        return (await toldOff.read(uuid)) ? 'power off' : null;
      },
      set: async ({ uuid, name }, wanted, call) => {
        call.signal.throwIfAborted();
        if (!orders.isBeating(uuid)) {
          throw fail('power.unreachable', {
            message: `the agent does not run on node ${name ?? uuid}: it was not heard in the last 95 s`,
            hint: 'Boot the agent on it, or switch it by another power_interface.',
          });
        }
        const isOff = wanted === 'power off' || wanted === 'soft power off';
        await orders.order(uuid, isOff ? 'power_off' : 'reboot', call.signal);
        if (!isOff) return;
        orders.gone(uuid);
        await toldOff.mark(uuid);
      },
    },
  };
}
