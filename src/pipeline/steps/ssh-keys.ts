// Keys that sign in as root, on this machine and, in a cluster, on every member: they share the file. Proven on a simulator of Proxmox VE.

import { type Static, Type } from 'typebox';
import { keyOf, missingKeys, withLines } from '../cluster/keys-decide.ts';
import type { PipelineStep } from '../seam.ts';

const FILE = '/root/.ssh/authorized_keys';

const Args = Type.Object(
  {
    keys: Type.Array(Type.String({ pattern: '^(?:[^\\s#].* )?(?:ssh|ecdsa|sk)-[^\\n\\r]+$' }), {
      description: 'Lines of authorized_keys. Others that are there stay.',
      minItems: 1,
    }),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

export const step: PipelineStep<Args> = {
  name: 'ssh-keys',
  title: 'SSH keys of root',
  provenOn: 'simulator',
  args: Args,
  timeoutMs: 60_000,
  describe: ({ keys }) => `${keys.length} keys sign in as root`,
  lock: (_, { cluster }) => (typeof cluster?.name === 'string' ? `cluster:${cluster.name}` : null),
  check: async ({ args, shell }) => {
    const bad = args.keys.find((line) => keyOf(line) === undefined);
    if (bad !== undefined)
      return {
        is: 'impossible',
        reason: `${bad.slice(0, 60)} is no SSH key`,
        hint: 'A line of authorized_keys: ssh-ed25519 AAAA… comment',
      };
    const missing = missingKeys(args.keys, (await shell.readFile(FILE))?.toString() ?? '');
    if (missing.length === 0) return { is: 'satisfied', words: `all ${args.keys.length} are there` };
    return { is: 'needed', plan: missing.map((line) => `adds ${keyOf(line)?.split(' ')[0]} ${line.split(' ').at(-1)} to ${FILE}`) };
  },
  apply: async ({ args, shell }) => {
    const text = (await shell.readFile(FILE))?.toString() ?? '';
    const missing = missingKeys(args.keys, text);
    if (missing.length > 0) await shell.writeFile(FILE, withLines(text, missing), 0o600);
  },
};
