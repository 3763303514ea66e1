// `sweep-afterwards.ts PID`: the test run PID was interrupted. Ends those of its processes that have labs, and takes the labs down.

import { endOwners, sweepDeadLabs } from '../support/dead-labs.ts';

const GRACE_MS = 1000;

await endOwners(Number(process.argv[2]), GRACE_MS);
const labs = await sweepDeadLabs();
if (labs.length > 0) process.stdout.write(`taken down after the interrupt: ${labs.join(', ')}\n`);
