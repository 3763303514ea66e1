// Debian's openstacksdk (python3-openstacksdk) against the appliance: its bare-metal proxy through a machine's whole life.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { clean, PYTHON } from './ironic/baremetal.ts';
import { BASIC, expectIronicKeys, LOGIN, OPEN, startIronicSite } from './ironic/site.ts';

const run = promisify(execFile);
const SCRIPT = join(import.meta.dirname, 'ironic/sdk.py');
/** Most of it is the SDK's own pauses of two seconds between two looks. */
const LIMIT_MS = 170_000;

const RUNS = [
  { title: 'without authentication', auth: OPEN, login: [] },
  { title: 'with HTTP basic', auth: BASIC, login: [LOGIN.user, LOGIN.password] },
];

// Side by side: they wait most of the time. Each ends what is its own, with its own onTestFinished.
describe.concurrent('the bare-metal proxy of openstacksdk', () => {
  it.for(RUNS)('takes a machine from enroll to active, deleted and back, $title', async ({ auth, login }, { onTestFinished }) => {
    const ironic = await startIronicSite(auth);
    onTestFinished(() => ironic.close());
    const { stdout } = await run(PYTHON, [SCRIPT, ironic.recorder.url, ...login], { env: clean(), timeout: LIMIT_MS });
    const steps = stdout.trim().split('\n');
    expect(steps.at(-1)).toBe('{"step": "gone"}');
    expect(steps).toHaveLength(14);
    expectIronicKeys(ironic.recorder.exchanges);
    expect(ironic.recorder.exchanges.filter(({ status }) => status >= 500)).toEqual([]);
  });
});
