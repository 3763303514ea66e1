import { describe, expect, it } from 'vitest';
import {
  DELETABLE_STATES,
  FIRST_STATE,
  isVerb,
  MOVES,
  type Move,
  onResumeOf,
  type ProvisionState,
  STATE_NAMES,
  STATES,
  stateOf,
  UPDATE_ALLOWED_STATES,
  VERBS,
} from '../../../src/nodes/index.ts';
import { IRONIC_FAILS_ON_RESTART, IRONIC_STABLE, IRONIC_TARGETS, IRONIC_UPDATE_ALLOWED, IRONIC_VERBS, ironicMoves } from './ironic.ts';

const MOVE_LIST: readonly Move[] = MOVES;
const from = (state: ProvisionState): Move[] => MOVE_LIST.filter((move) => move.from === state);
const transient = STATES.filter((state) => 'timeout' in state);

describe('the table is Ironic', () => {
  it('in every move, and has no other', () => {
    expect(MOVE_LIST.map((move) => `${move.from}|${move.event}|${move.to}`).toSorted()).toEqual(ironicMoves());
    expect(MOVES).toHaveLength(93);
  });

  it('in the stable states', () => {
    expect(STATES.filter((state) => state.kind === 'stable').map((state) => state.name)).toEqual(expect.arrayContaining(IRONIC_STABLE));
    expect(STATES.filter((state) => state.kind === 'stable')).toHaveLength(IRONIC_STABLE.length);
  });

  it('in the target of every other state', () => {
    const ours = STATES.map((state) => `${state.name}: ${state.target ?? 'none'}`);
    const ironic = Object.entries(IRONIC_TARGETS).flatMap(([target, states]) => states.map((state) => `${state}: ${target}`));
    expect(ours.toSorted()).toEqual([...ironic, ...IRONIC_STABLE.map((state) => `${state}: none`)].toSorted());
  });

  it('in the verbs and their synonyms', () => {
    expect(Object.fromEntries(VERBS.map(({ verb, event }) => [verb, event]))).toEqual(IRONIC_VERBS);
    for (const row of VERBS) if ('of' in row) expect(isVerb(row.of), row.verb).toBe(true);
  });

  it('but resumes exactly the work that Ironic fails after a restart', () => {
    expect(STATE_NAMES.filter((state) => onResumeOf(state) === 'resume').toSorted()).toEqual(IRONIC_FAILS_ON_RESTART.toSorted());
  });

  it('in where a node may be deleted or changed', () => {
    expect([...DELETABLE_STATES].toSorted()).toEqual(['adopt failed', 'available', 'enroll', 'manageable']);
    expect([...UPDATE_ALLOWED_STATES].toSorted()).toEqual(IRONIC_UPDATE_ALLOWED.toSorted());
  });
});

describe('the table of states', () => {
  it('has names of at most 15 characters, none twice', () => {
    for (const name of STATE_NAMES) expect(name.length, name).toBeLessThanOrEqual(15);
    expect(new Set(STATE_NAMES).size).toBe(STATE_NAMES.length);
  });

  it('reaches every state from the first', () => {
    const reached = new Set<ProvisionState>([FIRST_STATE]);
    for (const state of reached) for (const move of from(state)) reached.add(move.to);
    expect([...reached].toSorted()).toEqual(STATE_NAMES.toSorted());
  });

  it('leads from every state back to the first three stable ones: nowhere is a dead end', () => {
    for (const start of STATE_NAMES) {
      const reached = new Set<ProvisionState>([start]);
      for (const state of reached) for (const move of from(state)) reached.add(move.to);
      for (const goal of ['manageable', 'available', 'active'] as const) expect(reached.has(goal), `${start} to ${goal}`).toBe(true);
    }
  });

  it('gives every transient state a failure, a time-out that pulls it, and a resume rule', () => {
    expect(transient.length).toBe(14);
    for (const state of transient) {
      const failing = from(state.name).find((move) => move.event === state.timeout.event);
      expect(failing?.who, state.name).toEqual(['system', 'timer']);
      expect(state.timeout.seconds, state.name).toBeGreaterThan(0);
      expect(onResumeOf(state.name), state.name).toBe(state.kind === 'working' ? 'resume' : 'wait');
    }
  });

  it('lets the timer pull nothing else', () => {
    const timed = MOVE_LIST.filter((move) => move.who.includes('timer')).map((move) => move.from);
    expect(timed.toSorted()).toEqual(transient.map((state) => state.name).toSorted());
  });

  it('gives every state that does not end by itself a way out that a user may ask for', () => {
    for (const state of STATES.filter((row) => !('timeout' in row)))
      expect(
        from(state.name).some((move) => move.who.includes('user')),
        state.name,
      ).toBe(true);
  });

  it('waits half an hour for an agent, as Ironic does', () => {
    for (const state of transient.filter((row) => row.kind === 'waiting')) expect(state.timeout.seconds, state.name).toBe(1800);
  });

  it('puts no two states on the same place of the diagram', () => {
    expect(new Set(STATES.map((state) => state.at.join())).size).toBe(STATES.length);
  });
});

describe('the table of moves', () => {
  it('has each event at most once per state', () => {
    expect(new Set(MOVE_LIST.map((move) => `${move.from}|${move.event}`)).size).toBe(MOVES.length);
  });

  it('gives users only what has a verb, and the system only what has none or ends its own work', () => {
    const events = new Set<string>(VERBS.map((row) => row.event));
    const pulledByBoth = new Set<string>();
    for (const move of MOVE_LIST) {
      if (move.who.includes('user')) {
        expect(move.who, `${move.from} ${move.event}`).toEqual(['user']);
        expect(events.has(move.event), move.event).toBe(true);
      } else if (events.has(move.event)) pulledByBoth.add(`${move.from}|${move.event}`);
    }
    // The end of a manual clean, and cleaning after a tear-down: Ironic's names for two things the system does.
    expect([...pulledByBoth].toSorted()).toEqual(['cleaning|manage', 'deleting|clean']);
  });

  it('guards every start of work against an ignored machine', () => {
    for (const move of MOVE_LIST.filter((row) => row.who.includes('user'))) {
      const starts = 'timeout' in stateOf(move.to);
      expect(move.guards?.includes('ignored') ?? false, `${move.from} ${move.event}`).toBe(starts);
    }
  });

  it('guards exactly tear-down and re-imaging by protection', () => {
    for (const move of MOVE_LIST)
      expect(move.guards?.includes('protected') ?? false, `${move.from} ${move.event}`).toBe(['delete', 'rebuild'].includes(move.event));
  });

  it('refuses in maintenance what Ironic refuses in it', () => {
    const refused = ['deploy', 'rebuild', 'rescue', 'unrescue', 'service'];
    for (const move of MOVE_LIST) {
      const byIronic =
        refused.includes(move.event) ||
        (move.from === 'manageable' && move.event === 'clean') ||
        (move.from === 'service failed' && move.event === 'abort');
      expect(move.guards?.includes('maintenance') ?? false, `${move.from} ${move.event}`).toBe(byIronic);
    }
  });
});
