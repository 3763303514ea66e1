// Name servers and search domains of the machine: /etc/resolv.conf, as Proxmox VE keeps it. Proven on a simulator of the shell; the file is
// plain text that the C library reads.

import { type Static, Type } from 'typebox';
import type { PipelineStep, StepContext, Verdict } from '../seam.ts';
import { isSameResolver, type Resolver, readResolver, withResolver } from '../system/resolv-codec.ts';
import { impossible, planned, refusal } from '../system/verdicts.ts';

const Args = Type.Object(
  {
    servers: Type.Array(Type.String({ pattern: '^[0-9A-Fa-f:.]+$', maxLength: 45 }), {
      description: 'Addresses of name servers, the first is asked first. The C library asks three at most.',
      minItems: 1,
      maxItems: 3,
    }),
    search: Type.Array(Type.String({ pattern: '^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$', maxLength: 253 }), {
      description: "Domains that short names are looked for in; empty: the domain of the node's own name.",
      maxItems: 6,
      default: [],
    }),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

const PATH = '/etc/resolv.conf';

export const step: PipelineStep<Args> = {
  name: 'dns',
  title: 'Name servers',
  provenOn: 'simulator',
  args: Args,
  timeoutMs: 60_000,
  describe: ({ servers }) => `asks ${servers.join(', ')} for names`,
  check: async (context) => (await look(context)).verdict,
  apply: async (context) => {
    const { verdict, content } = await look(context);
    if (verdict.is === 'impossible') throw refusal(verdict);
    if (verdict.is === 'needed') await context.shell.writeFile(PATH, content, 0o644);
  },
};

async function look({ shell, args, node }: StepContext<Args>): Promise<{ readonly verdict: Verdict; readonly content: string }> {
  const domain = node.fqdn.split('.').slice(1).join('.');
  const wanted: Resolver = { servers: args.servers, search: args.search.length > 0 || domain === '' ? args.search : [domain] };
  const to = (await shell.run(['readlink', '--', PATH])).out.trim();
  if (to !== '')
    return {
      content: '',
      verdict: impossible(
        `${PATH} is a link to ${to}: another program writes it`,
        'Take away systemd-resolved or resolvconf on the machine, or leave this step out.',
      ),
    };
  const text = (await shell.readFile(PATH))?.toString() ?? '';
  const is = readResolver(text);
  const words = wordsOf(wanted);
  return {
    content: withResolver(text, wanted),
    verdict: planned(isSameResolver(is, wanted) ? [] : [`${PATH}: ${wordsOf(is)} becomes ${words}`], words),
  };
}

function wordsOf({ servers, search }: Resolver): string {
  return `${servers.join(', ') || 'no name server'}${search.length === 0 ? '' : ` (search ${search.join(' ')})`}`;
}
