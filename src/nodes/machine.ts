// Questions to the tables of states.ts. Pure: knows nothing of stores, clocks or who is logged in.

import { nearest } from '../lib/index.ts';
import {
  DELETABLE_STATES,
  MOVES,
  type Move,
  type OnResume,
  type ProvisionEvent,
  type ProvisionState,
  STATES,
  type StateRow,
  UPDATE_ALLOWED_STATES,
  VERBS,
  type Verb,
} from './states.ts';

export type State = StateRow & { readonly name: ProvisionState };
export type Next = { readonly ok: true; readonly move: Move } | { readonly ok: false; readonly reason: string };

const STATE_BY_NAME: ReadonlyMap<string, State> = new Map(STATES.map((row) => [row.name, row]));
const MOVE_BY_PULL: ReadonlyMap<string, Move> = new Map(MOVES.map((move) => [pullKey(move.from, move.event), move]));
const EVENT_BY_VERB: ReadonlyMap<string, ProvisionEvent> = new Map(VERBS.map(({ verb, event }) => [verb, event]));

export function isProvisionState(text: string): text is ProvisionState {
  return STATE_BY_NAME.has(text);
}

export function isVerb(text: string): text is Verb {
  return EVENT_BY_VERB.has(text);
}

export function stateOf(name: ProvisionState): State {
  const state = STATE_BY_NAME.get(name);
  if (state === undefined) throw new TypeError(`no provision state is called ${name}`);
  return state;
}

export function eventOfVerb(verb: Verb): ProvisionEvent {
  const event = EVENT_BY_VERB.get(verb);
  if (event === undefined) throw new TypeError(`no provision verb is called ${verb}`);
  return event;
}

/** What a restart does with a node in this state; undefined where nothing was under way. */
export function onResumeOf(name: ProvisionState): OnResume | undefined {
  const state = stateOf(name);
  return state.kind === 'working' || state.kind === 'waiting' ? state.onResume : undefined;
}

/** Something acts on the node, or it waits for its machine. */
export function isTransient(name: ProvisionState): boolean {
  return onResumeOf(name) !== undefined;
}

export function nextState(from: ProvisionState, event: ProvisionEvent): Next {
  const move = MOVE_BY_PULL.get(pullKey(from, event));
  return move === undefined ? { ok: false, reason: `${event} leads nowhere from ${from}` } : { ok: true, move };
}

/** The verbs a user may ask for in this state, without synonyms: buttons, and the permitted actions in a reply. */
export function verbsFrom(state: ProvisionState): Verb[] {
  return VERBS.filter((row) => !('of' in row))
    .filter(({ event }) => MOVE_BY_PULL.get(pullKey(state, event))?.who.includes('user'))
    .map(({ verb }) => verb);
}

/** Why the verb is not possible here, and which are. undefined when it is possible. */
export function explainRefusal(state: ProvisionState, verb: string): string | undefined {
  if (!isVerb(verb)) {
    const near = nearest(
      verb,
      VERBS.map((row) => row.verb),
    );
    return `there is no verb ${verb}${near === undefined ? '' : `, did you mean ${near}?`}`;
  }
  if (MOVE_BY_PULL.get(pullKey(state, eventOfVerb(verb)))?.who.includes('user')) return undefined;
  return `${verb} is not possible from ${state}: ${whatIsPossible(state)}`;
}

export function whatIsPossible(state: ProvisionState): string {
  const verbs = verbsFrom(state);
  if (verbs.length > 0) return `possible are ${verbs.join(', ')}`;
  return `${stateOf(state).label.toLowerCase()} must end first, by itself, by failing or by its timeout`;
}

/**
 * What target_provision_state shows after the move. Like Ironic: none in a stable state, else where the work shall end. Unlike
 * Ironic, a manual clean keeps its end through holds as well, so that `unhold` does not turn it into an automatic one.
 */
export function targetAfter(move: MoveRowView, current: ProvisionState | null): ProvisionState | null {
  const to = stateOf(move.to);
  if (to.kind === 'stable') return null;
  if (move.target !== undefined) return move.target;
  const from = stateOf(move.from);
  const goesOn = from.kind !== 'stable' && from.work === to.work && current !== null;
  if (goesOn) return current;
  return isProvisionState(to.target) ? to.target : null;
}
type MoveRowView = Pick<Move, 'from' | 'to' | 'target'>;

export function isDeletable(state: ProvisionState): boolean {
  return DELETABLE_STATES.includes(state);
}

/** May a user change the node's fields now? */
export function isUpdatable(state: ProvisionState, target: ProvisionState | null): boolean {
  return target === null || UPDATE_ALLOWED_STATES.includes(state);
}

export interface DueTimeout {
  readonly state: ProvisionState;
  readonly event: ProvisionEvent;
  readonly seconds: number;
  /** A node in this state whose last sign of life is at or before this time is due. */
  readonly before: number;
}

/** For each transient state: since when a node must have been silent in it to be timed out now. */
export function dueTimeouts(now: number): DueTimeout[] {
  return STATES.filter((row) => 'timeout' in row).map(({ name, timeout }) => ({
    state: name,
    event: timeout.event,
    seconds: timeout.seconds,
    before: now - timeout.seconds * 1000,
  }));
}

function pullKey(from: string, event: string): string {
  return `${from}|${event}`;
}
