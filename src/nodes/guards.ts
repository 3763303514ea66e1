// Why a move that the table has may still be refused for this node. Pure.

import type { RackseedError } from '../lib/index.ts';
import { fail } from './errors.ts';
import type { Guard, Move, ProvisionState } from './states.ts';

/** What guards look at. */
export interface Guarded {
  readonly uuid: string;
  readonly name: string | null;
  readonly provisionState: ProvisionState;
  readonly targetProvisionState: ProvisionState | null;
  readonly maintenance: boolean;
  readonly maintenanceReason: string | null;
  readonly protected: boolean;
  readonly protectedReason: string | null;
  readonly ignored: boolean;
}

/** The refusal of the first guard that objects. */
export function guardRefusal(move: Move, node: Guarded): RackseedError | undefined {
  for (const guard of move.guards ?? []) {
    const refusal = GUARDS[guard](node, move.event);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Also asked before a node is deleted from the inventory. */
export function protectedRefusal(node: Guarded, what: string): RackseedError | undefined {
  if (!node.protected) return undefined;
  return fail('nodes.protected', {
    message: `node ${nodeTitle(node)} is protected${because(node.protectedReason)}, so ${what} is refused`,
    hint: 'A node that carries cluster data is protected until it has left its cluster. When nothing depends on it, unset `protected` and ask again.',
    detail: { node: node.uuid },
  });
}

const GUARDS: { readonly [guard in Guard]: (node: Guarded, event: string) => RackseedError | undefined } = {
  protected: protectedRefusal,
  maintenance: (node, event) => {
    if (!node.maintenance) return undefined;
    return fail('nodes.in_maintenance', {
      message: `node ${nodeTitle(node)} is in maintenance${because(node.maintenanceReason)}, so ${event} is refused`,
      hint: 'Repair what the reason names, take the node out of maintenance and ask again.',
      detail: { node: node.uuid },
    });
  },
  ignored: (node, event) => {
    if (!node.ignored) return undefined;
    return fail('nodes.ignored', {
      message: `node ${nodeTitle(node)} is ignored, so ${event} is refused`,
      hint: 'An ignored machine is never touched. Un-ignore it first if it is meant to be managed.',
      detail: { node: node.uuid },
    });
  },
  automatic_clean: (node) => {
    if (node.targetProvisionState !== 'manageable') return undefined;
    return fail('nodes.manual_clean', {
      message: `node ${nodeTitle(node)} was cleaned by hand and goes back to manageable, not to available`,
      hint: 'End a manual clean with the event `manage`.',
      detail: { node: node.uuid },
    });
  },
};

/** How a node is called in messages. */
export function nodeTitle(node: { readonly uuid: string; readonly name: string | null }): string {
  return node.name ?? node.uuid;
}

function because(reason: string | null): string {
  return reason === null || reason === '' ? '' : ` (${reason})`;
}
