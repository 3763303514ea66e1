// What is known about a transaction while it is open: refuses nesting, and remembers that events were appended so that
// readers are woken after the commit, never before and never for a rollback.

import { AsyncLocalStorage } from 'node:async_hooks';
import { assert } from '../lib/index.ts';
import type { Tx } from './types.ts';

export interface TxState {
  open: boolean;
  appended: boolean;
}

const current = new AsyncLocalStorage<TxState>();
const states = new WeakMap<Tx, TxState>();

/** True in code that a transaction's work awaits; false in what it left behind running after it ended. */
export function isInsideTransaction(): boolean {
  return current.getStore()?.open === true;
}

/** Runs `work` with the mark of an open transaction. `state.open` is false again when it returns. */
export async function insideTransaction<T>(tx: Tx, state: TxState, work: (tx: Tx) => Promise<T>): Promise<T> {
  states.set(tx, state);
  try {
    return await current.run(state, () => work(tx));
  } finally {
    state.open = false;
  }
}

/** The state of a transaction begun by store.transaction. */
export function stateOf(tx: Tx): TxState {
  const state = states.get(tx);
  assert(state, 'this transaction was not begun by store.transaction()');
  assert(state.open, 'this transaction has ended: something was not awaited');
  return state;
}
