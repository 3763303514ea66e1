// Makes the first member of a cluster. Proven on a simulator of Proxmox VE, its reading of votes on real corosync.

import { Type } from 'typebox';
import { quorumWords } from '../cluster/corosync-codec.ts';
import { corosyncOf, quorumOf } from '../cluster/corosync-conf.ts';
import { type Links, linksOf, linkWords } from '../cluster/links-decide.ts';
import { machineFacts } from '../cluster/look.ts';
import { waitForQuorum } from '../cluster/quorum.ts';
import { type ClusterSettings, clusterOf } from '../cluster/settings.ts';
import type { PipelineStep, StepContext, Verdict } from '../seam.ts';

const CREATE_MS = 180_000;
const QUORUM_MS = 120_000;

export const step: PipelineStep<Record<string, never>> = {
  name: 'cluster-create',
  title: 'Create the cluster',
  provenOn: 'simulator',
  args: Type.Object({}, { additionalProperties: false }),
  timeoutMs: 600_000,
  describe: () => 'there is a cluster that the machine can be a member of: it makes one where none of its members is known',
  lock: (_, look) => `cluster:${clusterOf(look).name}`,
  // Where there are members already, cluster-join makes it one.
  joins: (_, { cluster, members }) => (members.length === 0 && typeof cluster?.name === 'string' ? cluster.name : null),
  check: async (context) => (await look(context)).verdict,
  apply: async (context) => {
    const { verdict, links, isConfigured } = await look(context);
    if (verdict.is !== 'needed') return;
    const { shell } = context;
    if (!isConfigured) {
      const words = ['pvecm', 'create', clusterOf(context).name, ...linkWords(links)];
      await shell.must(words, { timeoutMs: CREATE_MS, onLine: (line) => context.log(line) });
    } else if ((await quorumOf(shell)) === null) await shell.must(['systemctl', 'restart', 'corosync', 'pve-cluster']);
    await waitForQuorum(context, () => Promise.resolve(shell), QUORUM_MS, context.node.name);
  },
};

interface Seen {
  readonly verdict: Verdict;
  readonly links: readonly string[];
  /** Its corosync.conf is there. */
  readonly isConfigured: boolean;
}

async function look(context: StepContext): Promise<Seen> {
  const { node, members, shell } = context;
  const wanted = clusterOf(context);
  const config = await corosyncOf(shell);
  if (config !== null) return { ...(await configured(context, config.name, wanted)), links: [], isConfigured: true };
  const [first] = members;
  const seen = { links: [], isConfigured: false };
  if (first !== undefined)
    return { ...seen, verdict: { is: 'satisfied', words: `${wanted.name} is there already: ${first.name} is a member` } };
  if (wanted.isRunning) {
    return {
      ...seen,
      verdict: impossible(
        `${wanted.name} runs already (api_url of [[cluster]]), and none of its members is known here`,
        'Import it, so that the machine joins it: rackseed cluster import URL',
      ),
    };
  }
  const machine = await machineFacts(shell);
  if (machine.release === null)
    return {
      ...seen,
      verdict: impossible(`${node.name} has no Proxmox VE (the package pve-manager)`, 'Install it with the Proxmox VE installer.'),
    };
  const links: Links = linksOf(wanted.links, { address: node.address, addresses: machine.addresses });
  if ('missing' in links) return { ...seen, verdict: impossible(`${node.name} cannot begin ${wanted.name}: ${links.missing}`, links.hint) };
  const over = links.links.map((address, at) => `link ${at} ${address}`).join(', ');
  return {
    ...seen,
    links: links.links,
    verdict: { is: 'needed', plan: [`${node.name} becomes the first member of ${wanted.name} (${over})`] },
  };
}

async function configured(context: StepContext, name: string, wanted: ClusterSettings): Promise<{ readonly verdict: Verdict }> {
  const { node, shell } = context;
  if (name !== wanted.name) {
    const hint = `A member is not moved: correct the profile, or remove it there (pvecm delnode ${node.name}) and install it anew.`;
    return { verdict: impossible(`${node.name} is in the cluster ${name}, not in ${wanted.name}`, hint) };
  }
  const quorum = await quorumOf(shell);
  if (quorum?.isQuorate === true)
    return { verdict: { is: 'satisfied', words: `${node.name} is a member of ${name}, ${quorumWords(quorum)}` } };
  // One of several that sees too few others: nothing is to be created, and joining waits for them.
  if (context.members.length > 0) return { verdict: { is: 'satisfied', words: `${node.name} is a member of ${name}` } };
  const why = quorum === null ? 'corosync does not answer and is started anew' : quorumWords(quorum);
  return { verdict: { is: 'needed', plan: [`waits until ${name} is quorate on ${node.name}: ${why}`] } };
}

function impossible(reason: string, hint: string): Verdict {
  return { is: 'impossible', reason, hint };
}
