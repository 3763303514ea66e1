// A vote from outside for an even number of members. Proven on a simulator of Proxmox VE; its set-up between real servers is not.

import { type Static, Type } from 'typebox';
import { quorumWords } from '../cluster/corosync-codec.ts';
import { corosyncOf, onlineOf, quorumOf } from '../cluster/corosync-conf.ts';
import { waitForQuorum } from '../cluster/quorum.ts';
import { clusterOf } from '../cluster/settings.ts';
import type { PipelineStep, StepContext, Verdict } from '../seam.ts';

const Args = Type.Object(
  {
    address: Type.String({ description: 'Address of the server with corosync-qnetd; it lets root of the members in by their own key.' }),
    members: Type.Optional(
      Type.Integer({ description: 'So many members the cluster has when it is complete: before that there is no QDevice.', minimum: 2 }),
    ),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

const SETUP_MS = 300_000;
const QUORUM_MS = 120_000;
const SSH = ['ssh', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=15'];

export const step: PipelineStep<Args> = {
  name: 'qdevice',
  title: 'QDevice',
  provenOn: 'simulator',
  args: Args,
  timeoutMs: 900_000,
  describe: ({ address }) => `an even number of members has a vote more, by ${address}; an odd number has none`,
  lock: (_, look) => `cluster:${clusterOf(look).name}`,
  check: async (context) => (await look(context)).verdict,
  apply: async (context) => {
    const { verdict, does } = await look(context);
    if (verdict.is !== 'needed') return;
    const { shell, args } = context;
    const said = { onLine: (line: string) => context.log(line), timeoutMs: SETUP_MS };
    if (does.includes('remove')) {
      await shell.must(['pvecm', 'qdevice', 'remove'], said);
      await waitForQuorum(context, () => Promise.resolve(shell), QUORUM_MS);
    }
    // --force: what a set-up that broke off has left of certificates is made anew. It was looked whether one is configured.
    if (does.includes('set up')) await shell.must(['pvecm', 'qdevice', 'setup', args.address, '--force'], said);
    await waitForQuorum(context, () => Promise.resolve(shell), QUORUM_MS);
  },
};

/** Of ssh itself, not of what it runs. */
const SSH_FAILED = 255;

/** As members call each other: PVE/SSHInfo.pm of pve-cluster. */
function knownAs(name: string): readonly string[] {
  return [
    '-o',
    `HostKeyAlias=${name}`,
    '-o',
    `UserKnownHostsFile=/etc/pve/nodes/${name}/ssh_known_hosts`,
    '-o',
    'GlobalKnownHostsFile=none',
  ];
}

interface Seen {
  readonly verdict: Verdict;
  readonly does: readonly ('remove' | 'set up')[];
}

async function look(context: StepContext<Args>): Promise<Seen> {
  const { args, node, shell } = context;
  const config = await corosyncOf(shell);
  if (config === null) return only(impossible(`${node.name} is in no cluster`, 'Put cluster-create and cluster-join before this step.'));
  const [count, now] = [config.members.length, config.qdevice];
  if (args.members !== undefined && count < args.members)
    return now === null
      ? only(satisfied(`${count} of ${args.members} members are in: the last one sets it up`))
      : remove(`${count} of ${args.members} members are in`);
  if (count % 2 === 1)
    return now === null
      ? only(satisfied(`${count} members are an odd number: none is needed`))
      : remove(`${count} members are an odd number`);
  const quorum = await quorumOf(shell);
  if (now === args.address) {
    // Its vote is counted when it is there.
    if (quorum !== null && quorum.total > quorum.nodes) return only(satisfied(`${args.address} has a vote, ${quorumWords(quorum)}`));
    return only(
      impossible(
        `${args.address} is configured as QDevice and has no vote now`,
        `Does corosync-qnetd run there, and do members reach its TCP port 5403? On a member: corosync-qdevice-tool -s`,
      ),
    );
  }
  const refused = await refusal(context, config.members);
  if (refused !== null) return only(refused);
  const plan = [`${args.address} gets a vote for the ${count} members`];
  if (now === null) return { verdict: { is: 'needed', plan }, does: ['set up'] };
  return { verdict: { is: 'needed', plan: [`the QDevice ${now} is removed`, ...plan] }, does: ['remove', 'set up'] };
}

/** What pvecm asks for, all of it before anything is begun: it does not take back what it had done. */
async function refusal(
  { args, shell }: StepContext<Args>,
  members: readonly { readonly name: string; readonly links: Readonly<Record<string, string>> }[],
): Promise<Verdict | null> {
  const online = await onlineOf(shell);
  const off = members.filter(({ name }) => !online.includes(name)).map(({ name }) => name);
  if (off.length > 0)
    return impossible(`a QDevice is set up while all members are there, and ${off.join(', ')} is not`, 'Bring it back, then resume.');
  const program = 'corosync-qdevice';
  for (const { name, links } of members) {
    const { code, err } = await shell.run([
      ...SSH,
      ...knownAs(name),
      `root@${links['0'] ?? name}`,
      '--',
      'test',
      '-x',
      `/usr/sbin/${program}`,
    ]);
    if (code === SSH_FAILED) {
      return impossible(
        `this member cannot sign in to ${name}, and the set-up does: ${err.trim().slice(-200) || 'ssh failed'}`,
        'On both: pvecm updatecerts',
      );
    }
    if (code !== 0)
      return impossible(
        `${name} has no ${program}`,
        `On it: apt-get install ${program} (or the step packages before this one, on all members).`,
      );
  }
  const { code, err } = await shell.run([...SSH, `root@${args.address}`, '--', 'true']);
  if (code === 0) return null;
  return impossible(
    `${args.address} does not let this member in as root: ${err.trim().slice(-200) || `ssh ended with ${code}`}`,
    `Put /root/.ssh/id_rsa.pub of this member into root's authorized_keys there, install corosync-qnetd, and sign in once by hand to know its host key.`,
  );
}

function remove(why: string): Seen {
  return { verdict: { is: 'needed', plan: [`the QDevice is removed: ${why}`] }, does: ['remove'] };
}

function only(verdict: Verdict): Seen {
  return { verdict, does: [] };
}

function satisfied(words: string): Verdict {
  return { is: 'satisfied', words };
}

function impossible(reason: string, hint: string): Verdict {
  return { is: 'impossible', reason, hint };
}
