// Every driver that there is, a line each. A driver is made of what it is given: clock, chance, memory. Adding one: its file, a line here,
// its name in hardware-types.ts.

import { type Clock, type Random, type Run, runProgram } from '../lib/index.ts';
import { agentDriver } from './agent.ts';
import type { AgentDesk } from './agent-desk.ts';
import type { Cleaning } from './agent-steps/clean.ts';
import { agentDeploys } from './agent-steps/deploy.ts';
import { type ApplianceImages, NO_IMAGES } from './agent-steps/images.ts';
import { proxmoxDriver } from './agent-steps/proxmox.ts';
import { agentRescue } from './agent-steps/rescue.ts';
import { IPMI_INFO, REDFISH_INFO } from './bmc-info.ts';
import { chainDriver } from './chain.ts';
import { fakeDrivers } from './fake/index.ts';
import { httpDriver } from './http.ts';
import { agentInspect, named, none, noopDeploy, noopManagement, unserved, unservedDeploy } from './inert.ts';
import type { InstallDesk } from './install-desk.ts';
import { ipmiDrivers } from './ipmi.ts';
import { type ManualDriver, manualDriver } from './manual.ts';
import type { Memory } from './memory.ts';
import { NO_DESK, NO_INSTALL_DESK, NO_PIPELINE_DESK } from './no-desk.ts';
import { NOBODY, type People } from './people.ts';
import type { PipelineDesk } from './pipeline-desk.ts';
import type { Driver, DriverStep } from './seam.ts';
import { createSightings, type Sightings } from './sightings.ts';
import { type ApplianceKey, sshDriver } from './ssh.ts';
import { noKey } from './ssh-key.ts';
import { type AskSsh, askSsh } from './ssh-session.ts';
import { createToldOff } from './told.ts';
import { type SendMagic, wolDriver } from './wol.ts';

export interface DriverParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly memory: Memory;
  /** What reaches out of the process; the real ones unless told. */
  readonly run?: Run;
  readonly askSsh?: AskSsh;
  readonly sendMagic?: SendMagic;
  /** Which addresses `http` may ask. */
  readonly mayReach?: (address: string) => boolean;
  readonly sshKey?: ApplianceKey;
  /** Nobody is asked, seen or heard unless they are given. */
  readonly people?: People;
  readonly sightings?: Sightings;
  /** How agents are told what to do; unless it is given none runs anywhere. */
  readonly desk?: AgentDesk;
  /** Who has machines installed by installers; nobody unless given. */
  readonly installs?: InstallDesk;
  /** Who runs what follows an installation; nobody unless given. */
  readonly pipelines?: PipelineDesk;
  /** Image files of the appliance; none unless given. */
  readonly images?: ApplianceImages;
  /** What cleaning erases by itself. */
  readonly cleaning?: Cleaning;
}

const RAID_STEPS: readonly DriverStep[] = [
  { kind: 'clean', step: 'create_configuration', priority: 0, title: 'Create the RAID arrays', needsRamdisk: true, isDestructive: true },
  { kind: 'clean', step: 'delete_configuration', priority: 0, title: 'Delete the RAID arrays', needsRamdisk: true, isDestructive: true },
];

export function createDrivers(parts: DriverParts): readonly Driver[] {
  const hands = { desk: parts.desk ?? NO_DESK, images: parts.images ?? NO_IMAGES, cleaning: parts.cleaning ?? 'express' };
  return [
    ...fakeDrivers(parts),

    named('boot', 'ipxe', 'network boot through iPXE'),
    named('boot', 'pxe', 'network boot by PXE'),
    named('boot', 'http-ipxe', 'UEFI HTTP boot through iPXE'),
    named('boot', 'http', 'UEFI HTTP boot'),
    unserved({ interface: 'boot', name: 'redfish-virtual-media', title: 'virtual media through Redfish' }, REDFISH_INFO),

    ...ipmiDrivers({ clock: parts.clock, run: parts.run ?? runProgram }),
    unserved({ interface: 'console', name: 'ipmitool-socat', title: 'serial over LAN through IPMI' }, IPMI_INFO),

    unserved({ interface: 'power', name: 'redfish', title: 'Redfish' }, REDFISH_INFO),
    unserved({ interface: 'management', name: 'redfish', title: 'Redfish' }, REDFISH_INFO),
    unserved({ interface: 'bios', name: 'redfish', title: 'Redfish' }, REDFISH_INFO),
    unserved({ interface: 'firmware', name: 'redfish', title: 'Redfish' }, REDFISH_INFO),
    unserved({ interface: 'inspect', name: 'redfish', title: 'Redfish' }, REDFISH_INFO),
    unserved({ interface: 'raid', name: 'redfish', title: 'Redfish' }, REDFISH_INFO),
    unserved({ interface: 'vendor', name: 'redfish', title: 'Redfish' }, REDFISH_INFO),

    ...bareDrivers(parts),
    noopManagement,

    ...agentDeploys(hands),
    unservedDeploy('ramdisk', 'the machine runs from memory', true),
    proxmoxDriver({
      ...hands,
      clock: parts.clock,
      installs: parts.installs ?? NO_INSTALL_DESK,
      pipelines: parts.pipelines ?? NO_PIPELINE_DESK,
    }),
    noopDeploy,

    agentInspect,
    named('raid', 'agent', 'software RAID by the agent', { steps: RAID_STEPS }),
    agentRescue({ desk: parts.desk ?? NO_DESK, random: parts.random }),
    named('network', 'noop', 'ports are left as they are'),
    named('network', 'flat', 'one network for everything'),
    unserved({ interface: 'network', name: 'neutron', title: 'OpenStack Neutron' }),
    named('storage', 'noop', 'local disks'),
    unserved({ interface: 'storage', name: 'cinder', title: 'OpenStack Cinder' }),
    named('storage', 'external', 'volumes that somebody else attaches'),

    none('bios'),
    none('console'),
    none('firmware'),
    none('inspect'),
    none('raid'),
    none('rescue'),
    none('vendor'),
  ];
}

/** Of machines without a BMC: each way by itself, and the chain of them. */
function bareDrivers(parts: DriverParts): readonly Driver[] {
  const { clock, random, memory, people = NOBODY, sightings = createSightings(clock), desk = NO_DESK } = parts;
  const toldOff = createToldOff(memory);
  const links = [
    manualDriver({ clock, memory, people, sightings }),
    sshDriver({ memory, toldOff, key: parts.sshKey ?? noKey, ask: parts.askSsh ?? askSsh }),
    wolDriver({ clock, ...(parts.sendMagic === undefined ? {} : { send: parts.sendMagic }) }),
    agentDriver({ desk, toldOff, random }),
    httpDriver({ clock, ...(parts.mayReach === undefined ? {} : { mayReach: parts.mayReach }) }),
  ];
  return [...links, chainDriver({ clock, sightings, toldOff, people, links })];
}

/** The manual driver among them, for whoever takes a person's word that it is done. */
export function manualOf(drivers: readonly Driver[]): ManualDriver | undefined {
  return drivers.find((driver): driver is ManualDriver => driver.interface === 'power' && 'confirm' in driver);
}
