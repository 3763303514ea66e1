// A runbook in the place of steps: its list for the verb, if it may be used on the node.

import type { Node } from '../nodes/index.ts';
import type { Store } from '../store/index.ts';
import { fail } from './errors.ts';
import { bad } from './rules.ts';
import type { AskedStep, ProvisionRequest } from './seam.ts';

export async function withRunbook(db: Store['db'], request: ProvisionRequest, node: Node): Promise<ProvisionRequest> {
  const { runbook: ref, verb } = request;
  if (ref === undefined) return request;
  if (verb !== 'clean' && verb !== 'service')
    return bailOut('"runbooks" is only valid when setting target provision state to clean or service');
  if ((request.cleanSteps ?? request.serviceSteps ?? []).length > 0)
    return bailOut(`"${verb}_steps" and "runbook" can not be given together: the runbook has the steps`);
  const row = await db
    .selectFrom('runbooks')
    .selectAll()
    .where((eb) => eb.or([eb('uuid', '=', ref.toLowerCase()), eb('name', '=', ref)]))
    .executeTakeFirst();
  if (row === undefined) throw fail('lifecycle.not_found', { message: `Runbook ${ref.slice(0, 255)} could not be found.` });
  if (row.public === 0 && row.owner !== null && row.owner !== node.owner && row.owner !== node.lessee)
    return bailOut(`Runbook ${row.name} belongs to another project than node ${node.uuid}`);
  const traits = [row.name, ...(JSON.parse(row.traits) as string[])]; // checked by the API when it was stored
  if (!traits.some((trait) => node.traits.includes(trait)))
    return bailOut(
      `Runbook ${row.name} is not approved for node ${node.uuid}: it has none of the traits ${traits.join(', ')}`,
      'Add one of them to the node.',
    );
  const steps = JSON.parse(row.steps) as AskedStep[]; // likewise
  // Whoever erases all disks types the node's name for this one time: what was stored once, and runs by itself, is no such word.
  const confirmed = steps.find(({ args }) => args !== undefined && Object.hasOwn(args, 'confirm'));
  if (confirmed !== undefined)
    return bailOut(
      `Runbook ${row.name} has the argument "confirm" for the step ${confirmed.interface}.${confirmed.step}: that is typed by a person each time, never stored`,
      'Take it out of the runbook. The steps then work on the disks of the approved wipe plan; to erase all disks, ask for the steps themselves.',
    );
  const { runbook: _, ...rest } = request;
  return {
    ...rest,
    disableRamdisk: row.disable_ramdisk === 1,
    ...(verb === 'clean' ? { cleanSteps: steps } : { serviceSteps: steps }),
  };
}

function bailOut(message: string, hint?: string): never {
  throw bad(message, hint);
}
