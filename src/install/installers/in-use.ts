// Who still needs what: installations that use an installer, and unfinished tasks that work on a file. Reads the store.

import type { Store } from '../../store/index.ts';

/** Names of the nodes that are being installed with it. */
export async function nodesInstalledWith(
  { db }: Pick<Store, 'db'>,
  installer: { readonly id: string; readonly name: string },
): Promise<string[]> {
  const rows = await db
    .selectFrom('installations')
    .innerJoin('nodes', 'nodes.uuid', 'installations.node_uuid')
    .select(['installations.plan', 'nodes.uuid', 'nodes.name'])
    .where('installations.ended_at', 'is', null)
    .execute();
  const uses = (plan: string): boolean => {
    const { installer: used } = JSON.parse(plan) as { readonly installer?: unknown }; // ours: an InstallPlan
    return used === installer.id || used === installer.name;
  };
  return rows.filter(({ plan }) => uses(plan)).map(({ name, uuid }) => name ?? uuid);
}

const UNFINISHED = ['queued', 'running', 'waiting'];

export async function isTaskAlive({ db }: Pick<Store, 'db'>, id: string): Promise<boolean> {
  const row = await db.selectFrom('tasks').select('id').where('id', '=', id).where('state', 'in', UNFINISHED).executeTakeFirst();
  return row !== undefined;
}

export async function isUploadWanted({ db }: Pick<Store, 'db'>, kind: string, upload: string): Promise<boolean> {
  const rows = await db.selectFrom('tasks').select('args').where('kind', '=', kind).where('state', 'in', UNFINISHED).execute();
  return rows.some(({ args }) => args.includes(`"${upload}"`));
}
