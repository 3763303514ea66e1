// Proxmox's repositories of a node and an apt proxy. Proven on the real apt of Debian 12 and 13, which says what it makes of the files; on a
// shim for fetching lists.

import { type Static, Type } from 'typebox';
import type { PipelineStep, StepContext, Verdict } from '../seam.ts';
import { fetchLists, forgetLists, isFresh } from '../system/apt.ts';
import type { Style } from '../system/apt-sources-codec.ts';
import { oneOf } from '../system/args.ts';
import { CHANNELS, planSources, type SourceFile, type SourcesPlan } from '../system/proxmox-sources-decide.ts';
import { impossible, planned, refusal } from '../system/verdicts.ts';

const Args = Type.Object(
  {
    pve: oneOf([...CHANNELS, 'leave'], {
      description: 'Proxmox VE\'s repository; the others are switched off. "leave": as it is.',
      default: 'no-subscription',
    }),
    ceph: oneOf([...CHANNELS, 'as-pve', 'none', 'leave'], {
      description: "Ceph's repository: the same channel as that of PVE, another, none, or as it is.",
      default: 'as-pve',
    }),
    ceph_release: Type.String({
      description: 'Release of Ceph, as "squid"; empty: the one that the machine has sources for, none where there are none.',
      pattern: '^[a-z]{0,32}$',
      default: '',
    }),
    proxy: Type.String({
      description: 'Address of an HTTP proxy for apt alone, for networks without a way out; empty: none of ours.',
      pattern: '^(?:http://[A-Za-z0-9.:\\[\\]-]{1,255}/?)?$',
      default: '',
    }),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

/** Debian's names: which Proxmox VE they are, and how that writes its sources. */
const STYLES: Readonly<Record<string, Style>> = { bookworm: 'one-line', trixie: 'deb822' };
const PROXY = '/etc/apt/apt.conf.d/95rackseed-proxy';

const READ = `# the files of apt's sources, their names each before the text
for one in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
  if [ -f "$one" ]; then printf '\\001%s\\002' "$one"; cat -- "$one"; fi
done`;

interface Looked {
  readonly verdict: Verdict;
  readonly writes: SourcesPlan['writes'];
  /** Undefined: it is as it shall be. */
  readonly proxy?: string;
}

export const step: PipelineStep<Args> = {
  name: 'apt-repositories',
  title: 'Package repositories',
  provenOn: 'real',
  args: Args,
  timeoutMs: 1_200_000,
  describe: ({ pve, proxy }) => `packages come from Proxmox's ${pve} repository${proxy === '' ? '' : ` by way of ${proxy}`}`,
  check: async (context) => (await look(context)).verdict,
  apply: async (context) => {
    const { shell } = context;
    const { verdict, writes, proxy } = await look(context);
    if (verdict.is === 'impossible') throw refusal(verdict);
    if (verdict.is === 'satisfied') return;
    await forgetLists(context);
    for (const { path, text } of writes) await shell.writeFile(path, text, 0o644);
    if (proxy === '') await shell.must(['rm', '-f', '--', PROXY]);
    else if (proxy !== undefined) await shell.writeFile(PROXY, proxy, 0o644);
    context.progress(0.5, 'fetching the lists of packages');
    await fetchLists(context);
  },
};

async function look(context: StepContext<Args>): Promise<Looked> {
  const { shell, args } = context;
  const release = (await shell.readFile('/etc/os-release'))?.toString() ?? '';
  const suite = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(release)?.[1] ?? '';
  const style = STYLES[suite];
  if (style === undefined)
    return {
      writes: [],
      verdict: impossible(
        `it runs Debian ${suite || 'of an unknown release'}; repositories are known for ${Object.keys(STYLES).join(' and ')}`,
        'Leave this step out, or set the repositories with a script of your own.',
      ),
    };
  const read = await shell.script(READ, []);
  const { writes, plan, words } = planSources(
    filesOf(read.out),
    { pve: args.pve, ceph: args.ceph, cephRelease: args.ceph_release },
    suite,
    style,
  );
  const wanted = proxyText(args.proxy);
  const is = (await shell.readFile(PROXY))?.toString() ?? '';
  // Lists that came from these sources once; how old they may be is for the steps that install.
  const isFetched = await isFresh(context, YEARS);
  const all = [
    ...plan,
    ...(is === wanted ? [] : [wanted === '' ? 'apt goes without our proxy' : `apt goes by way of ${args.proxy}`]),
    ...(isFetched ? [] : ['the lists of packages are fetched']),
  ];
  return {
    writes,
    ...(is === wanted ? {} : { proxy: wanted }),
    verdict: planned(all, `${words}${args.proxy === '' ? '' : `, by way of ${args.proxy}`}`),
  };
}

/** Ten of them, in minutes. */
const YEARS = 5_256_000;

function filesOf(out: string): SourceFile[] {
  return out
    .split('\u0001')
    .slice(1)
    .map((part) => {
      const [path = '', text = ''] = part.split('\u0002');
      return { path, text };
    });
}

function proxyText(proxy: string): string {
  if (proxy === '') return '';
  return `// Written by Rackseed.\nAcquire::http::Proxy "${proxy}";\nAcquire::https::Proxy "${proxy}";\n`;
}
