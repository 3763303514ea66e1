// Where nobody talks to agents, none runs anywhere, and none can be told anything. Where nobody keeps installers, nothing is installed by them.

import type { AgentDesk } from './agent-desk.ts';
import { fail } from './errors.ts';
import type { InstallDesk } from './install-desk.ts';
import type { PipelineDesk } from './pipeline-desk.ts';

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

const NO_INSTALLER = 'nobody here keeps installers of Proxmox';

function noInstaller(): Promise<never> {
  return Promise.reject(fail('power.unsupported', { message: NO_INSTALLER, hint: 'Ask the appliance.' }));
}

export const NO_INSTALL_DESK: InstallDesk = {
  refusal: () => NO_INSTALLER,
  prepare: noInstaller,
  arm: noInstaller,
  standing: noInstaller,
  signIn: noInstaller,
  abandon: () => Promise.resolve(),
};

export const NO_PIPELINE_DESK: PipelineDesk = {
  drive: () => Promise.reject(fail('power.unsupported', { message: 'nobody here runs pipelines', hint: 'Ask the appliance.' })),
  deployed: () => Promise.resolve(null),
};
