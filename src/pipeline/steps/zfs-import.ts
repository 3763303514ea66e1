// Takes back a pool that outlived the system: that of this node by its name; another's only where its guid is named. Proven on a shim; with real
// ZFS not yet.

import { type Static, Type } from 'typebox';
import type { PipelineStep, StepContext, Verdict } from '../seam.ts';
import { few, impossible, planned, refusal } from '../system/verdicts.ts';
import { isSystem } from '../zfs/choose-decide.ts';
import { type Importable, type Label, readImportable, readLabel } from '../zfs/import-codec.ts';
import { lookAtDisks, lookAtPool } from '../zfs/look.ts';

const Args = Type.Object(
  {
    name: Type.String({ description: 'Name of the pool.', pattern: '^[A-Za-z][A-Za-z0-9_.-]{0,62}$' }),
    guid: Type.String({
      description: 'Number of the pool, as zpool import shows it: takes that one, whoever had it; empty: the one of this node.',
      pattern: '^[0-9]{0,20}$',
      default: '',
    }),
    optional: Type.Boolean({ description: 'A machine without such a pool is well.', default: false }),
  },
  { additionalProperties: false },
);
type Args = Static<typeof Args>;

type Looked = { readonly verdict: Verdict; readonly pool: Importable | null; readonly isForced: boolean };

const IMPORT_MS = 600_000;

export const step: PipelineStep<Args> = {
  name: 'zfs-import',
  title: 'Pool that outlived the system',
  provenOn: 'shim',
  args: Args,
  timeoutMs: IMPORT_MS + 120_000,
  describe: ({ name }) => `the pool ${name} of this node is imported`,
  check: async (context) => (await look(context)).verdict,
  apply: async (context) => {
    const { verdict, pool, isForced } = await look(context);
    if (verdict.is === 'impossible') throw refusal(verdict);
    if (pool === null) return;
    // By its number: two may have one name. By identity, so that it is found again when the order of disks changes.
    const words = ['zpool', 'import', '-d', '/dev/disk/by-id', ...(isForced ? ['-f'] : []), pool.guid];
    await context.shell.must(words, { timeoutMs: IMPORT_MS });
  },
};

async function look(context: StepContext<Args>): Promise<Looked> {
  const { args, shell, node } = context;
  const is = await lookAtPool(context, args.name);
  if (is !== undefined) {
    const guid = (await shell.must(['zpool', 'get', '-H', '-o', 'value', 'guid', args.name])).trim();
    if (args.guid !== '' && guid !== args.guid)
      return only(impossible(`another pool ${args.name} is imported: ${guid}, not ${args.guid}`, 'Export it, or name its number.'));
    return only(planned([], `${args.name} is imported and ${is.state}`));
  }
  const all = readImportable((await shell.run(['zpool', 'import', '-d', '/dev/disk/by-id'], { timeoutMs: 300_000 })).out);
  const named = all.filter(({ name, guid }) => name === args.name && (args.guid === '' || guid === args.guid));
  const [pool] = named;
  if (pool === undefined) {
    const others = all.map(({ name, guid }) => `${name} (${guid})`);
    if (args.optional) return only(planned([], `the machine has no pool ${args.name}`));
    return only(
      impossible(
        `there is no pool ${args.name}${args.guid === '' ? '' : ` ${args.guid}`} to import${others.length === 0 ? '' : `; there are ${few(others)}`}`,
        'Are all its disks there? zpool import on the machine shows what it sees. optional = true leaves machines without it alone.',
      ),
    );
  }
  if (named.length > 1)
    return only(
      impossible(`${named.length} pools are called ${args.name}: ${few(named.map(({ guid }) => guid))}`, 'Name the one by its guid.'),
    );
  if (pool.state !== 'ONLINE' && pool.state !== 'DEGRADED')
    return only(impossible(`the pool ${args.name} is ${pool.state}: ${pool.status ?? ''}`, 'Are all its disks there and well?'));
  const labels = await labelsOf(context, pool);
  return owned(pool, labels, { args, node });
}

function owned(pool: Importable, labels: readonly Label[], { args, node }: Pick<StepContext<Args>, 'args' | 'node'>): Looked {
  const hosts = [...new Set(labels.map(({ hostname }) => hostname ?? 'nobody'))];
  const isOurs = hosts.length === 1 && [node.name, node.fqdn].includes(hosts[0] ?? '');
  if (!isOurs && args.guid === '')
    return only(
      impossible(
        hosts.length === 0
          ? `who had the pool ${args.name} (${pool.guid}) last, its disks do not tell`
          : `the pool ${args.name} (${pool.guid}) was last had by ${hosts.join(' and ')}, not by ${node.name}`,
        `If it is really to be this node's, name it: guid = "${pool.guid}".`,
      ),
    );
  return {
    pool,
    // A system that was installed anew has another hostid than the one that had it, and never exported it.
    isForced: true,
    verdict: planned(
      [
        `the pool ${args.name} (${pool.guid}, ${pool.state}, last had by ${hosts.join(' and ') || 'nobody'}) on ${few(pool.members)} is imported`,
      ],
      '',
    ),
  };
}

function only(verdict: Verdict): Looked {
  return { verdict, pool: null, isForced: false };
}

/** Of each partition and disk with a label of that pool; those of the system's disks are not asked. */
async function labelsOf(context: StepContext<Args>, { guid }: Importable): Promise<Label[]> {
  const disks = (await lookAtDisks(context)).filter((disk) => !isSystem(disk, context.node.systemDisks));
  const devices = disks.flatMap(({ path, content, parts }) => [
    ...(content === 'zfs_member' && parts.length === 0 ? [path] : []),
    ...parts.filter((part) => part.content === 'zfs_member').map((part) => part.path),
  ]);
  const labels: Label[] = [];
  for (const device of devices) {
    const label = readLabel((await context.shell.run(['zdb', '-l', device])).out);
    if (label?.guid === guid) labels.push(label);
  }
  return labels;
}
