// The thread of bcrypt.ts: answers one question after the other. Knows nothing else.

import { parentPort } from 'node:worker_threads';
import { compareSync } from 'bcryptjs';

parentPort?.on('message', ({ id, password, hash }: { id: number; password: string; hash: string }) => {
  parentPort?.postMessage({ id, isRight: compareSync(password, hash) });
});
