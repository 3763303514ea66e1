// Which [[rule]] lets an unknown machine boot the agent, by what is known before the agent ever ran. Pure.
// A rule may ask for more than that (CPUs, disks, the switch): then the agent boots so that it can be known. A rule that asks for
// nothing that is known at boot never boots anything: it would let in every machine of the network.

import type { Config } from '../../config/index.ts';
import type { MachineFacts } from './facts.ts';
import { globFits } from './glob.ts';

type Rule = Config['rule'][number];

/** `yes`: all that is known at boot fits. `ask`: it may fit, and iPXE can tell what DHCP does not know. */
export interface RuleFit {
  readonly name: string;
  readonly fits: 'yes' | 'ask';
}

type Verdict = 'yes' | 'no' | 'unknown';

/** `told`: iPXE has said manufacturer, product and serial, so that what is missing is missing for good. */
export function ruleAtBoot(rules: readonly Rule[], facts: MachineFacts, told: boolean): RuleFit | undefined {
  let ask: RuleFit | undefined;
  for (const rule of rules) {
    const verdicts = verdictsOf(rule.match, facts, told);
    if (verdicts.length === 0 || verdicts.includes('no')) continue;
    if (!verdicts.includes('unknown')) return { name: rule.name, fits: 'yes' };
    ask ??= { name: rule.name, fits: 'ask' };
  }
  return ask;
}

function verdictsOf(match: Rule['match'], facts: MachineFacts, told: boolean): Verdict[] {
  const named = (pattern: string | undefined, name: string | null): Verdict[] => {
    if (pattern === undefined) return [];
    if (name === null) return [told ? 'no' : 'unknown'];
    return [globFits(pattern, name) ? 'yes' : 'no'];
  };
  return [
    ...(match.mac === undefined ? [] : [globFits(match.mac, facts.mac) ? ('yes' as const) : ('no' as const)]),
    ...named(match.uuid, facts.smbiosUuid),
    ...named(match.manufacturer, facts.manufacturer),
    ...named(match.product, facts.product),
    ...named(match.serial, facts.serial),
  ];
}
