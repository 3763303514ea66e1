// What is known about a transaction while it is open: refuses nesting, and remembers that events were appended so that
// readers are woken after the commit, never before and never for a rollback.

import { AsyncLocalStorage } from 'node:async_hooks';
import { assert } from '../lib/index.ts';
import { fail } from './errors.ts';
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

/**
 * Runs `work` with the mark of an open transaction; `state.open` is false again when it returns. Work that takes longer than
 * `limitMs` is given up, so that its transaction ends and others get their turn. Real time, not the clock that tests turn:
 * this guards against an await that never ends, and a turned clock must not end a transaction that is going well.
 */
export async function insideTransaction<T>(tx: Tx, state: TxState, limitMs: number, work: (tx: Tx) => Promise<T>): Promise<T> {
  states.set(tx, state);
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tookTooLong(limitMs)), limitMs);
  });
  try {
    return await Promise.race([current.run(state, () => work(tx)), expiry]);
  } finally {
    clearTimeout(timer);
    state.open = false;
  }
}

function tookTooLong(limitMs: number) {
  return fail('store.transaction_timeout', {
    message: `a transaction was open for more than ${limitMs / 1000} s and was rolled back`,
    hint: 'this is a fault of Rackseed: report it with the log around this time',
  });
}

/** For work that is only started by chance inside a transaction and belongs to none: a batch that happens to be full. */
export function outsideTransaction<T>(work: () => T): T {
  return current.run({ open: false, appended: false }, work);
}

/** The state of a transaction begun by store.transaction. */
export function stateOf(tx: Tx): TxState {
  const state = states.get(tx);
  assert(state, 'this transaction was not begun by store.transaction()');
  assert(state.open, 'this transaction has ended: something was not awaited');
  return state;
}
