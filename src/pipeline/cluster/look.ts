// Gathers what there is to decide on: from the machine, and from a member of its cluster. Changes nothing.

import type { RootShell } from '../../proxmox/index.ts';
import { fail } from '../errors.ts';
import type { StepContext } from '../seam.ts';
import { COROSYNC_CONF, corosyncOf, onlineOf, quorumOf } from './corosync-conf.ts';
import { lookAtJob } from './job.ts';
import type { ClusterFacts, JoinFacts } from './join-decide.ts';
import { hasAttempt, keyOf, missingKeys } from './keys-decide.ts';
import { MACHINE_FACTS, type MachineFacts, parseMachine } from './machine-codec.ts';
import { clusterOf } from './settings.ts';

export const CLUSTER_KEYS = '/etc/pve/priv/authorized_keys';
export const JOIN_JOB = '/run/rackseed/cluster-join';

const OWN_KEYS = '/root/.ssh/authorized_keys';
/** In the comment of the appliance's own key. */
const OWN_COMMENT = /\srackseed\b[^\s]*\s*$/;

export type Member = RootShell & { readonly name: string };

export async function machineFacts(shell: RootShell): Promise<MachineFacts> {
  const ran = await shell.script(MACHINE_FACTS, ['']);
  if (ran.code === 0) return parseMachine(ran.out, shell.address);
  throw fail('pipeline.step_failed', {
    message: `${shell.address} could not be looked at: ${ran.err.trim() || `code ${ran.code}`}`,
    hint: 'Run on it: ip -json address show; ls /etc/corosync /etc/pve',
  });
}

export async function joinFacts(context: StepContext): Promise<JoinFacts> {
  const { node, shell, clock } = context;
  const wanted = clusterOf(context);
  const job = await lookAtJob(shell, JOIN_JOB);
  const about = { node, wanted: { cluster: wanted.name, networks: wanted.links }, job };
  // In the middle of it the machine's own cluster file system comes and goes.
  if (job.is === 'running') return { ...about, machine: null, cluster: null, skewMs: 0 };
  const began = clock.now();
  const machine = await machineFacts(shell);
  const offset = machine.now - (began + clock.now()) / 2;
  if (context.members.length === 0) return { ...about, machine, cluster: null, skewMs: 0 };
  const member = await context.memberShell();
  const { cluster, offset: theirs } = await clusterFacts(context, member);
  return { ...about, machine, cluster, skewMs: Math.abs(offset - theirs) };
}

async function clusterFacts(
  { node, shell, clock }: StepContext,
  member: Member,
): Promise<{ readonly cluster: ClusterFacts; readonly offset: number }> {
  const began = clock.now();
  const machine = await machineFacts(member);
  const offset = machine.now - (began + clock.now()) / 2;
  const config = await corosyncOf(member);
  if (config === null) {
    throw fail('pipeline.step_failed', {
      message: `${member.name} is known as a member, but it is in no cluster: it has no ${COROSYNC_CONF}`,
      hint: 'Was it installed anew? Then its record is out of date: rackseed cluster release CLUSTER NODE.',
    });
  }
  const keys = (await member.readFile(CLUSTER_KEYS))?.toString() ?? '';
  const { code } = await member.run(['test', '-s', `/etc/pve/nodes/${node.name}/pve-ssl.pem`]);
  const cluster = {
    peer: { name: member.name, address: member.address, machine },
    config,
    quorum: await quorumOf(member),
    online: await onlineOf(member),
    hasCertificate: code === 0,
    hasAttempt: hasAttempt(keys, node.name),
    missingKeys: missingKeys(await ourKeys(shell), keys),
  };
  return { cluster, offset };
}

/** With which we sign in on the machine. */
export async function ourKeys(shell: RootShell): Promise<readonly string[]> {
  const text = (await shell.readFile(OWN_KEYS))?.toString() ?? '';
  return text.split('\n').filter((line) => keyOf(line) !== undefined && OWN_COMMENT.test(line));
}
