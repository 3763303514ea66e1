// Where nobody talks to agents: none runs anywhere, and none can be told anything.

import type { AgentDesk } from './agent-desk.ts';
import { fail } from './errors.ts';

export const NO_DESK: AgentDesk = {
  isBeating: () => false,
  seen: () => Promise.resolve(false),
  place: (nodeUuid, { name }) =>
    Promise.reject(
      fail('power.unreachable', {
        message: `nobody here talks to agents, so that of node ${nodeUuid} can not be told to ${name}`,
        hint: 'Ask the appliance.',
      }),
    ),
  standing: () => Promise.resolve(undefined),
  ended: () => Promise.resolve(undefined),
  cancel: () => Promise.resolve(),
  inventory: () => Promise.resolve(null),
};
