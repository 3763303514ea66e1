// A node that somebody works on is not changed by others meanwhile: the same 409 as Ironic's for all that it takes the node's lock for.
// Making a port, a port group or a volume needs no lock there, nor does any reading.

import type { Tx } from '../../../store/index.ts';
import { fail } from '../../errors.ts';
import type { ApiServices } from '../../services.ts';

const RETRY_AFTER = { retryAfterSeconds: 2 } as const;

/** Throws api.node_locked. In the transaction that changes the node, so that no work can begin in between. */
export async function needUnlocked({ lifecycle }: Pick<ApiServices, 'lifecycle'>, tx: Tx, uuid: string): Promise<void> {
  const holder = (await lifecycle?.holders([uuid], tx))?.get(uuid);
  if (holder === undefined) return;
  throw fail('api.node_locked', {
    message: `Node ${uuid} is locked by host ${holder}, please retry after the current operation is completed.`,
    hint: 'Its field `reservation` is null when it can be changed.',
    detail: { node: uuid, ...RETRY_AFTER },
  });
}
