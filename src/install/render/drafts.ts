// From a node to the document of its answer: its profile, the installer, the templates and the facts are put together here, for whoever
// prepares an installation and for whoever only wants to see the answer.

import type { Config } from '../../config/index.ts';
import type { Inventory, Node, Nodes, Port } from '../../nodes/index.ts';
import type { Edition, InstallAddress } from '../seam.ts';
import { type PlannedDocument, planDocument } from './document-render.ts';
import { factsOf, machineFacts, managementMacOf } from './facts.ts';
import type { PlacedFault } from './placed.ts';
import type { AnswerTemplates } from './templates.ts';

export type DraftConfig = Pick<Config, 'install'>;
export type DraftProfile = Pick<Config['profile'][number], 'name' | 'answer_template' | 'cluster' | 'variables'>;

export interface DraftOrder {
  readonly node: Pick<Node, 'uuid' | 'name' | 'smbiosSerial' | 'properties' | 'instanceInfo'>;
  readonly profile: DraftProfile;
  readonly edition: Pick<Edition, 'product' | 'release'>;
  readonly address: InstallAddress | null;
}

export interface Draft extends PlannedDocument {
  readonly template: string;
  /** Null: no port of the node is known. */
  readonly managementMac: string | null;
  /** MACs of the node. */
  readonly macs: readonly string[];
}

export interface DraftParts {
  readonly config: DraftConfig;
  readonly nodes: { readonly ports: Pick<Nodes['ports'], 'ofNodes'>; readonly inventory: Nodes['inventory'] };
  readonly templates: AnswerTemplates;
}

export type AnswerDrafts = (order: DraftOrder) => Promise<Draft>;

/** What a profile without a template gets. */
export const USUAL_TEMPLATE = 'zfs';

export function createAnswerDrafts({ config, nodes, templates }: DraftParts): AnswerDrafts {
  return async ({ node, profile, edition, address }) => {
    const template = profile.answer_template ?? USUAL_TEMPLATE;
    const [chain, inventory, ports] = await Promise.all([
      templates.chain(template),
      nodes.inventory(node.uuid),
      nodes.ports.ofNodes([node.uuid]),
    ]);
    const { domain, root_keys: rootKeys, keyboard, country, timezone, mailto } = config.install;
    const install = { keyboard, country, timezone, mailto, rootKeys, domain };
    const { macs, managementMac, machine } = machineOf(node, inventory, ports);
    const facts = factsOf({ machine, managementMac, address, profile, cluster: profile.cluster ?? null, install, installer: edition });
    const planned = planDocument({
      install,
      chain,
      own: ownWords(node.instanceInfo.answer),
      facts,
      product: edition.product,
      fqdn: node.name === null ? '' : qualified(node.name, domain),
    });
    const faults = planned.fqdn === '' && node.name === null ? [...planned.faults, NAMELESS] : planned.faults;
    return { ...planned, faults, template, managementMac, macs };
  };
}

const NAMELESS: PlacedFault = {
  source: '',
  line: null,
  key: 'global.fqdn',
  message: 'the node has no name, which its system would bear',
  fix: 'Give it one: rackseed node approve NODE --name NAME.',
  severity: 'error',
};

function machineOf(node: DraftOrder['node'], inventory: Inventory | undefined, ports: readonly Port[]) {
  const macs = ports.map(({ address }) => address);
  const report = inventory?.inventory ?? null;
  return { macs, managementMac: managementMacOf(report, ports), machine: machineFacts(node, report, macs) };
}

/** A node may bear its whole name already. */
function qualified(name: string, domain: string): string {
  return name.includes('.') ? name : `${name}.${domain}`;
}

function ownWords(answer: Node['instanceInfo'][string] | undefined): Node['instanceInfo'] | null {
  if (answer === undefined || answer === null) return null;
  if (typeof answer === 'object' && !Array.isArray(answer)) return answer as Node['instanceInfo']; // isArray says any[]
  return { 'instance-info-answer': answer }; // no table: the rules say that nothing knows such a key
}
