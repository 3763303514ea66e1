// Gathers what a boot decision is made of: which node it is, enrolment, rules, waiting time, installation. Decides nothing.

import type { Config } from '../config/index.ts';
import type { Clock, Mac } from '../lib/index.ts';
import type { Node } from '../nodes/index.ts';
import type { Attempts } from './attempts.ts';
import type { MachineArchitecture } from './decide/architectures.ts';
import type { Situation } from './decide/decide.ts';
import { cleanName, type HardwareNames, NO_NAMES } from './decide/facts.ts';
import { decideInstall, type InstallVerdict } from './decide/install-decide.ts';
import { type RuleFit, ruleAtBoot } from './decide/rules-decide.ts';
import type { Enrolment, EnrolmentState } from './enrolment.ts';
import type { Installs } from './installs.ts';
import { knownMachineOf } from './known-machine.ts';

/** Who boots there, by what it says of itself. */
export type Found =
  | { readonly is: 'known'; readonly node: Node }
  | { readonly is: 'new' }
  /** Each of these nodes has a part of its identity. */
  | { readonly is: 'unclear'; readonly nodes: readonly Node[] };

export type FindMachine = (mac: Mac, smbiosUuid: string | null) => Promise<Found>;
/** What the agent last found a node to be. */
export type HardwareOf = (nodeUuid: Node['uuid']) => Promise<HardwareNames | null>;

/** Which deploy interface a node has, also where it is its driver's default. */
export type DeploysBy = (node: Node) => string;

export interface SituationOptions {
  readonly deploysBy: DeploysBy;
  readonly enrolment: Enrolment;
  readonly isObserveOnly: boolean;
  readonly config: Pick<Config, 'boot' | 'rule' | 'enrol'>;
  readonly findMachine: FindMachine;
  readonly hardwareOf: HardwareOf;
  readonly attempts: Attempts;
  readonly installs: Pick<Installs, 'progress'>;
  readonly clock: Clock;
  /** Why there is no agent for such a machine, or null. */
  readonly noAgent: (architecture: MachineArchitecture | null) => string | null;
}

export interface Look {
  readonly situation: Situation;
  /** What is known of the machine's maker and model. */
  readonly names: HardwareNames;
}

interface Asking {
  readonly mac: Mac;
  readonly smbiosUuid: string | null;
  /** null: not said, which is taken for the usual one. */
  readonly processor?: MachineArchitecture | null;
}

const MINUTE_MS = 60_000;

export function createSituations(options: SituationOptions): { look(asking: Asking, told: HardwareNames | null): Promise<Look> } {
  const { config, clock } = options;

  /** What iPXE says now, else what it said before, else what the agent found. */
  async function namesOf({ mac }: Asking, told: HardwareNames | null, found: Found): Promise<HardwareNames | null> {
    const known = told ?? options.attempts.names(mac) ?? null;
    if (known !== null || found.is !== 'known' || !needsNames(found.node)) return known;
    const hardware = await options.hardwareOf(found.node.uuid);
    return hardware === null
      ? null
      : { manufacturer: cleanName(hardware.manufacturer), product: cleanName(hardware.product), serial: cleanName(hardware.serial) };
  }

  /** Spares the look at the inventory where nothing asks for names. */
  function needsNames(node: Node): boolean {
    return config.boot.model.length > 0 || (node.provisionState === 'enroll' && config.rule.length > 0);
  }

  function ruleOf({ mac, smbiosUuid }: Asking, names: HardwareNames | null): RuleFit | undefined {
    return ruleAtBoot(config.rule, { mac, smbiosUuid, ...(names ?? NO_NAMES) }, names !== null);
  }

  function waitedMinutes({ provisionState, createdAt }: Node, { since }: EnrolmentState): number | null {
    if (provisionState !== 'enroll') return null;
    const minutes = Math.floor((clock.now() - Math.max(createdAt, since ?? 0)) / MINUTE_MS);
    return minutes >= config.enrol.wait_minutes ? minutes : null;
  }

  async function installOf(node: Node): Promise<InstallVerdict | undefined> {
    if (node.provisionState !== 'deploying' && node.provisionState !== 'wait call-back') return undefined;
    return decideInstall(await options.installs.progress(node.uuid));
  }

  return {
    async look(asking, told) {
      const [found, enrolment] = await Promise.all([options.findMachine(asking.mac, asking.smbiosUuid), options.enrolment.get()]);
      const names = await namesOf(asking, told, found);
      const common = {
        enrolmentOpen: enrolment.mode === 'open',
        observeOnly: options.isObserveOnly,
        noAgent: options.noAgent(asking.processor ?? null),
        rule: ruleOf(asking, names),
      };
      const look = (situation: Situation): Look => ({ situation, names: names ?? NO_NAMES });
      if (found.is === 'new') return look({ ...common, machine: undefined });
      if (found.is === 'unclear')
        return look({ ...common, machine: undefined, rivals: found.nodes.map((node) => knownMachineOf(node, options.deploysBy(node))) });
      const install = await installOf(found.node);
      return look({
        ...common,
        machine: knownMachineOf(found.node, options.deploysBy(found.node)),
        waitedMinutes: waitedMinutes(found.node, enrolment),
        ...(install === undefined ? {} : { install }),
      });
    },
  };
}
