// Drivers without a machine behind them: interfaces that say no, names that stand for what the appliance does by itself (network boot,
// its own DHCP), and names that are known here but served by nobody yet. They ask nobody anything.

import { Type } from 'typebox';
import type { Interface } from '../nodes/index.ts';
import type { Driver, DriverStep } from './seam.ts';

const NOTHING = Type.Object({});

type Row = Pick<Driver, 'interface' | 'name' | 'title'>;

/** no-raid and its like. The words are Ironic's: its clients show them. */
export function none(which: Interface): Driver {
  return {
    interface: which,
    name: `no-${which}`,
    title: `no ${which}`,
    info: NOTHING,
    refusal: ({ driver }) => `Driver ${driver} does not support ${which} (disabled or not implemented).`,
  };
}

/** Done by other parts of the appliance, or nothing to do. */
export function named(which: Interface, name: string, title: string, more: Partial<Driver> = {}): Driver {
  return { interface: which, name, title, info: NOTHING, refusal: () => null, ...more };
}

/** Can be chosen and is shown, but does nothing: says so before anybody relies on it. */
export function unserved({ interface: which, name, title }: Row, info: Driver['info'] = NOTHING): Driver {
  return {
    interface: which,
    name,
    title,
    info,
    refusal: () => `the ${which} interface ${name} is not served by this version of Rackseed; choose another ${which}_interface`,
  };
}

/** Of deployments, in the order in which Ironic complains: the image first. */
export function unservedDeploy(name: string, title: string, needsImage: boolean): Driver {
  const row = { interface: 'deploy', name, title } as const;
  const base = unserved(row);
  return {
    ...base,
    refusal: (target) => (needsImage ? (imageRefusal(target.uuid, target.instanceInfo) ?? base.refusal(target)) : base.refusal(target)),
  };
}

function imageRefusal(uuid: string, instanceInfo: Readonly<Record<string, unknown>>): string | null {
  if (typeof instanceInfo.image_source === 'string') return null;
  return (
    `Cannot validate image information for node ${uuid} because one or more parameters are missing from its instance_info. ` +
    `Missing are: ['image_source']`
  );
}

const NOOP_DEPLOY: DriverStep = { kind: 'deploy', step: 'deploy', priority: 100, title: 'Nothing to deploy' };

/** The machine was installed by other means. */
export const noopDeploy: Driver = named('deploy', 'noop', 'leave the machine as it is', {
  steps: [NOOP_DEPLOY],
  runStep: () => Promise.resolve({}),
});

/** The firmware must boot from the network first: nobody can tell it. */
export const noopManagement: Driver = named('management', 'noop', 'the boot order is set in the firmware', {
  management: {
    bootDevices: ['pxe', 'disk'],
    bootDevice: () => Promise.resolve({ device: 'pxe', isPersistent: true }),
    setBootDevice: () => Promise.resolve(),
  },
});

/** The machine boots the agent, which reports by itself. */
export const agentInspect: Driver = named('inspect', 'agent', 'the agent on the machine reports', {
  inspect: { inspect: () => Promise.resolve(undefined) },
});
