// The heart of the promise: an engine killed at any point where it waits for anything loses nothing and doubles nothing.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFakeClock } from '../../support/fake-clock.ts';
import { openTestStore } from '../../support/store.ts';
import { memoryUrl } from '../../unit/tasks/harness.ts';
import type { FuseMode } from './fuse.ts';
import { type Blow, play } from './play.ts';
import { type Shape, shapeArb } from './world.ts';

const LEAST_POINTS = 1000;
/** Beyond any run of these shapes: a shape that never ends would be a fault of its own. */
const MOST_CALLS = 3000;

async function stage() {
  const clock = createFakeClock();
  return { clock, store: await openTestStore({ clock, url: await memoryUrl() }) };
}

/** Blows the fuse at each call in turn, until a run comes through. Returns how many points that were. */
async function atEachPoint(shape: Shape, blowsAt: (at: number) => readonly Blow[], points: { count: number }): Promise<void> {
  const here = await stage();
  for (let at = 1; at < MOST_CALLS; at += 1) {
    const blows = blowsAt(at);
    const played = await play(here, shape, blows).catch((error: unknown) => {
      throw new Error(`blows ${JSON.stringify(blows)}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    });
    if (played.blown === 0) return;
    points.count += played.blown;
  }
  throw new Error(`still killed at call ${MOST_CALLS}`);
}

const points = { killed: 0, failed: 0 };

/** Shape after shape until `budget` points have been tried; a shape that was begun is gone through to its end. */
async function property(budget: number, sort: keyof typeof points, blowsAt: (at: number) => readonly Blow[]): Promise<void> {
  const tried = { count: 0 };
  const check = async (shape: Shape): Promise<void> => {
    if (tried.count < budget) await atEachPoint(shape, blowsAt, tried);
  };
  await fc.assert(fc.asyncProperty(shapeArb, check), { numRuns: 50 });
  points[sort] += tried.count;
}

function single(mode: FuseMode): (at: number) => Blow[] {
  return (at) => [{ at, mode }];
}

describe('a task engine killed at every point where it waits', { timeout: 600_000 }, () => {
  it('comes through unkilled, whatever the shape of the tasks', async () => {
    const here = await stage();
    await fc.assert(
      fc.asyncProperty(shapeArb, async (shape) => {
        expect((await play(here, shape, [])).blown).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it('loses and doubles nothing when the call had no effect', () => property(400, 'killed', single('die-before')));

  it('loses and doubles nothing when the call had its effect and the answer was lost', () => property(400, 'killed', single('die-after')));

  it('loses and doubles nothing when the next life is killed as well', () =>
    property(400, 'killed', (at) => [
      { at, mode: at % 2 === 0 ? 'die-before' : 'die-after' },
      { at: 1 + ((at * 37) % 60), mode: at % 3 === 0 ? 'die-after' : 'die-before' },
    ]));

  it('was killed a thousand times for that', () => {
    expect(points.killed).toBeGreaterThanOrEqual(LEAST_POINTS);
  });
});

describe('a task engine whose store fails once at every point', { timeout: 600_000 }, () => {
  it('goes on by itself and finishes when nothing was written', () => property(150, 'failed', single('fail-before')));

  it('goes on by itself and finishes when it was written, but the answer said otherwise', () =>
    property(150, 'failed', single('fail-after')));
});
