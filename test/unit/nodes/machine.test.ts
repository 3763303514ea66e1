import { describe, expect, it } from 'vitest';
import {
  dueTimeouts,
  eventOfVerb,
  explainRefusal,
  isUpdatable,
  MOVES,
  type Move,
  nextState,
  type ProvisionState,
  STATE_NAMES,
  targetAfter,
  VERBS,
  verbsFrom,
} from '../../../src/nodes/index.ts';

const take = (from: ProvisionState, event: Move['event']): Move => {
  const next = nextState(from, event);
  return next.ok ? next.move : expect.unreachable(next.reason);
};

describe('the verbs of a state', () => {
  it('are what a user may ask for, without synonyms', () => {
    expect(verbsFrom('active')).toEqual(['rebuild', 'deleted', 'service', 'rescue']);
    expect(verbsFrom('deploy failed')).toEqual(['active', 'rebuild', 'deleted']);
    expect(verbsFrom('clean failed')).toEqual(['manage']);
  });

  it('are none while the system works, though Ironic calls two of its own moves like verbs', () => {
    expect(verbsFrom('cleaning')).toEqual([]);
    expect(verbsFrom('deleting')).toEqual([]);
    expect(verbsFrom('verifying')).toEqual([]);
  });
});

describe('a refusal', () => {
  it('says what is possible instead', () => {
    expect(explainRefusal('clean failed', 'active')).toBe('active is not possible from clean failed: possible are manage');
  });

  it('says that work must end where nothing is possible', () => {
    expect(explainRefusal('cleaning', 'manage')).toBe(
      'manage is not possible from cleaning: cleaning must end first, by itself, by failing or by its timeout',
    );
  });

  it('guesses a misspelt verb', () => {
    expect(explainRefusal('manageable', 'provdie')).toBe('there is no verb provdie, did you mean provide?');
    expect(explainRefusal('manageable', 'xyzzy-plugh')).toBe('there is no verb xyzzy-plugh');
  });

  it('comes for exactly the verbs that verbsFrom does not list, in every state', () => {
    for (const state of STATE_NAMES) {
      const possible = verbsFrom(state).map(eventOfVerb);
      for (const { verb, event } of VERBS)
        expect(explainRefusal(state, verb) === undefined, `${state} ${verb}`).toBe(possible.includes(event));
    }
  });
});

describe('target_provision_state', () => {
  it('is where the work shall end, and nothing in a stable state', () => {
    expect(targetAfter(take('manageable', 'provide'), null)).toBe('available');
    expect(targetAfter(take('available', 'deploy'), null)).toBe('active');
    expect(targetAfter(take('deploying', 'done'), 'active')).toBeNull();
    expect(targetAfter(take('deploying', 'fail'), 'active')).toBe('active');
    expect(targetAfter(take('verifying', 'fail'), 'manageable')).toBeNull();
  });

  it('of a manual clean is manageable, through waits, holds and failure', () => {
    let target = targetAfter(take('manageable', 'clean'), null);
    expect(target).toBe('manageable');
    for (const [from, event] of [
      ['cleaning', 'wait'],
      ['clean wait', 'hold'],
      ['clean hold', 'unhold'],
      ['clean wait', 'resume'],
      ['cleaning', 'hold'],
      ['clean hold', 'abort'],
    ] as const) {
      target = targetAfter(take(from, event), target);
      expect(target, `${from} ${event}`).toBe('manageable');
    }
  });

  it('of the cleaning after a tear-down is available', () => {
    expect(targetAfter(take('deleting', 'clean'), 'available')).toBe('available');
  });

  it('changes with the work: a rescue of a failed service aims at rescue', () => {
    expect(targetAfter(take('service failed', 'rescue'), 'active')).toBe('rescue');
    expect(targetAfter(take('rescue failed', 'unrescue'), 'rescue')).toBe('active');
    expect(targetAfter(take('rescue wait', 'delete'), 'rescue')).toBe('available');
  });
});

describe('changing a node', () => {
  it('is possible in every stable state and refused while work is under way', () => {
    expect(isUpdatable('active', null)).toBe(true);
    expect(isUpdatable('deploying', 'active')).toBe(false);
    expect(isUpdatable('inspecting', 'manageable')).toBe(false);
    expect(isUpdatable('deploy failed', 'active')).toBe(true);
  });
});

describe('due timeouts', () => {
  it('say since when a node must have been silent', () => {
    const due = dueTimeouts(10_000_000).find((row) => row.state === 'clean wait');
    expect(due).toEqual({ state: 'clean wait', event: 'fail', seconds: 1800, before: 10_000_000 - 1_800_000 });
  });

  it('are of every state from which a timer may move, and of no other', () => {
    const moves: readonly Move[] = MOVES;
    const timed = moves.filter((move) => move.who.includes('timer')).map((move) => move.from);
    expect(
      dueTimeouts(0)
        .map((row) => row.state)
        .toSorted(),
    ).toEqual(timed.toSorted());
  });
});
