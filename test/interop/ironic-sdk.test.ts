// Debian's openstacksdk (python3-openstacksdk) against the appliance: its bare-metal proxy through a machine's whole life.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clean, PYTHON } from './ironic/baremetal.ts';
import { expectIronicKeys, type IronicSite, startIronicSite } from './ironic/site.ts';

const run = promisify(execFile);
const SCRIPT = join(import.meta.dirname, 'ironic/sdk.py');
/** Most of it is the SDK's own pauses of two seconds between two looks. */
const LIMIT_MS = 170_000;

describe('the bare-metal proxy of openstacksdk', () => {
  let ironic: IronicSite;

  beforeAll(async () => {
    ironic = await startIronicSite();
  });

  afterAll(() => ironic.close());

  it('takes a machine from enroll to active, deleted and back, with waits, allocations and pages', async () => {
    const { stdout } = await run(PYTHON, [SCRIPT, ironic.recorder.url], { env: clean(), timeout: LIMIT_MS });
    const steps = stdout.trim().split('\n');
    expect(steps.at(-1)).toBe('{"step": "gone"}');
    expect(steps).toHaveLength(13);
  });

  it('was answered with the keys of its versions each time, and told no server fault', () => {
    expectIronicKeys(ironic.recorder.exchanges);
    expect(ironic.recorder.exchanges.filter(({ status }) => status >= 500)).toEqual([]);
  });
});
