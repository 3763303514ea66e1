// The health check of the container: exit code 0 when /healthz answers 200, otherwise 1 and a line that says why.
// Reads the same variables as the server and the command line; knows nothing of what health means.

import { get as getPlain } from 'node:http';
import { get as getSecure } from 'node:https';
import { healthUrls } from './health-urls.ts';

/** Below Docker's own limit of 5 s, so that the reason is still printed. */
const TIMEOUT_MS = 3000;

function ask(url: URL): Promise<number> {
  return new Promise((resolve, reject) => {
    // The appliance made its certificate itself. Nothing is sent and only a status is read, from this very machine.
    const options = { timeout: TIMEOUT_MS, rejectUnauthorized: false };
    const request = url.protocol === 'https:' ? getSecure(url, options) : getPlain(url, options);
    request.once('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.once('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    request.once('error', reject);
  });
}

/** The first that answers decides; a listener without TLS breaks the first attempt off at once. */
async function check(urls: readonly URL[]): Promise<string | undefined> {
  const reasons: string[] = [];
  for (const url of urls) {
    try {
      const status = await ask(url);
      return status === 200 ? undefined : `${url.href} answered ${status}`;
    } catch (error) {
      reasons.push(`${url.href}: ${String(error)}`);
    }
  }
  return reasons.join('; ');
}

const complaint = await check(healthUrls(process.env));
if (complaint !== undefined) {
  process.stderr.write(`${complaint}\n`);
  process.exitCode = 1;
}
