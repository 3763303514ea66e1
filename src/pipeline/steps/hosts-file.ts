// /etc/hosts: the node's own name on its real address, as Proxmox VE asks, and those of its cluster. Proven on a simulator of the shell; the
// file is plain text that the C library reads.

import { type Static, Type } from 'typebox';
import type { PipelineStep, StepContext, Verdict } from '../seam.ts';
import { type HostLine, withHosts } from '../system/hosts-codec.ts';
import { planned } from '../system/verdicts.ts';

const Args = Type.Object(
  {
    members: Type.Boolean({ description: 'Also the members of its cluster, so that they find each other without DNS.', default: true }),
    entries: Type.Array(
      Type.Object(
        {
          address: Type.String({ pattern: '^[0-9A-Fa-f:.]+$', maxLength: 45 }),
          names: Type.Array(Type.String({ pattern: '^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$', maxLength: 253 }), {
            minItems: 1,
            maxItems: 16,
          }),
        },
        { additionalProperties: false },
      ),
      { description: 'Others: {address, names}.', maxItems: 256, default: [] },
    ),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

const PATH = '/etc/hosts';
const LOCALHOST = '127.0.0.1 localhost.localdomain localhost\n';

export const step: PipelineStep<Args> = {
  name: 'hosts-file',
  title: 'Hosts file',
  provenOn: 'simulator',
  args: Args,
  timeoutMs: 60_000,
  describe: ({ members }) => `its own name${members ? ' and those of its cluster' : ''} in /etc/hosts`,
  check: async (context) => (await look(context)).verdict,
  apply: async (context) => {
    const { verdict, content } = await look(context);
    if (verdict.is === 'needed') await context.shell.writeFile(PATH, content, 0o644);
  },
};

async function look(context: StepContext<Args>): Promise<{ readonly verdict: Verdict; readonly content: string }> {
  const { shell, node, args, members } = context;
  const domain = node.fqdn.split('.').slice(1).join('.');
  const own: HostLine = { address: node.address, names: unique([node.fqdn, node.name]) };
  const others = args.members
    ? members.flatMap(({ name, addresses: [address] }) =>
        address === undefined ? [] : [{ address, names: unique([domain === '' ? name : `${name}.${domain}`, name]) }],
      )
    : [];
  const wanted = [own, ...others.toSorted((a, b) => (a.address < b.address ? -1 : 1)), ...args.entries];
  const text = (await shell.readFile(PATH))?.toString() ?? LOCALHOST;
  const { text: content, plan } = withHosts(text, wanted);
  return { content, verdict: planned(plan, `${node.fqdn} is ${node.address}, ${wanted.length - 1} other lines of ours`) };
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}
