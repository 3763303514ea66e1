// Makes the machine a member of its cluster, one machine at a time. Proven on a simulator of Proxmox VE (joins, faults, twenty nodes), its
// keys and its command that outlives the connection on real OpenSSH and sh, its reading of votes on real corosync.

import { Type } from 'typebox';
import { type JoinArgs, joinCluster, lookAtJoin } from '../cluster/join.ts';
import { clusterOf } from '../cluster/settings.ts';
import type { PipelineStep } from '../seam.ts';

export const step: PipelineStep<JoinArgs> = {
  name: 'cluster-join',
  title: 'Join the cluster',
  provenOn: 'simulator',
  args: Type.Object(
    {
      way: Type.Union([Type.Literal('ssh'), Type.Literal('password')], {
        description:
          '"ssh": with a key that is made for this attempt and removed afterwards; where the peer does not take it, by the root_password of [[cluster]] if there is one. "password": by that alone.',
        default: 'ssh',
      }),
    },
    { additionalProperties: false },
  ),
  timeoutMs: 1_800_000,
  describe: () => 'the machine is a member of its cluster, and the cluster is quorate with it',
  lock: (_, look) => `cluster:${clusterOf(look).name}`,
  joins: (_, { cluster }) => (typeof cluster?.name === 'string' ? cluster.name : null),
  check: async (context) => {
    const { decision } = await lookAtJoin(context);
    if (decision.is === 'in') return { is: 'satisfied', words: decision.words };
    return decision.is === 'do' ? { is: 'needed', plan: decision.plan } : decision;
  },
  apply: joinCluster,
};
