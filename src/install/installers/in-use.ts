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
  return rows.flatMap(({ plan, name, uuid }) => {
    const used = installerOf(plan);
    // Nobody knows what it is installed with: it may be this one, until another deployment puts a new record in the place of that.
    if (used === undefined) return [`${name ?? uuid} (the record of its installation is damaged: deploy it again, or tear it down)`];
    return used === installer.id || used === installer.name ? [name ?? uuid] : [];
  });
}

/** Undefined: the row is damaged. */
function installerOf(plan: string): string | undefined {
  try {
    const { installer } = JSON.parse(plan) as { readonly installer?: unknown }; // ours: an InstallPlan
    return typeof installer === 'string' ? installer : undefined;
  } catch {
    return undefined;
  }
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
