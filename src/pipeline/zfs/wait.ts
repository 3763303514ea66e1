// Waiting for what a pool does by itself: copying to a new disk, reading all of it. Kept up over broken connections by whoever runs the step.

import { fail } from '../errors.ts';
import type { StepContext } from '../seam.ts';
import { lookAtPool } from './look.ts';
import type { Pool } from './pool-codec.ts';

const POLL_MS = 5000;

/** Until no scan of that kind runs. */
export async function waitForScan(context: StepContext, name: string, what: 'scrub' | 'resilver'): Promise<Pool> {
  const { clock, signal } = context;
  for (;;) {
    const pool = await lookAtPool(context, name);
    if (pool === undefined)
      throw fail('pipeline.step_failed', { message: `the pool ${name} is gone`, hint: 'Was it exported? Look at zpool import.' });
    if (pool.state === 'SUSPENDED')
      throw fail('pipeline.step_failed', {
        message: `the pool ${name} is suspended: its disks do not answer`,
        hint: 'Look at the cables.',
      });
    const { scan } = pool;
    if (scan === null || scan.what !== what || scan.is !== 'running') return pool;
    const percent = scan.fraction === null ? 'a part' : `${Math.floor(scan.fraction * 100)} %`;
    context.progress(0.3 + 0.6 * (scan.fraction ?? 0), `${what} of ${name}: ${percent} done`);
    await clock.sleep(POLL_MS, signal);
  }
}
