// The API as a part with a life: listens, and at the end lets what is under way finish. The only file here that opens a port.

import { type Component, findPortOwner, type RackseedError, systemCode } from '../lib/index.ts';
import { type ApiApp, type ApiDeps, buildApi } from './build.ts';
import { fail } from './errors.ts';

export interface Api extends Component {
  /** The port in use, also when 0 was asked for. */
  port(): number;
}

const DRAIN_MS = 10_000;
const HEADERS_TIMEOUT_MS = 15_000;
/** More open connections than any site's browsers, agents and scrapers together: the rest waits in the kernel's queue. */
const MAX_CONNECTIONS = 4096;

export function createApi(deps: ApiDeps): Api {
  const { listen } = deps.config;
  let app: ApiApp | undefined;
  let stopped: Promise<void> | undefined;
  return {
    name: 'api',
    port: () => {
      const address = app?.server.address();
      return typeof address === 'object' && address !== null ? address.port : listen.port;
    },
    start: async (signal) => {
      signal.throwIfAborted();
      app = buildApi(deps);
      app.server.maxConnections = MAX_CONNECTIONS;
      app.server.headersTimeout = HEADERS_TIMEOUT_MS;
      try {
        await app.listen({ host: listen.host, port: listen.port, listenTextResolver: (address) => `API is listening at ${address}` });
      } catch (thrown) {
        await app.close();
        throw (await listenError(thrown, listen)) ?? thrown;
      }
    },
    stop: () => {
      if (app !== undefined) stopped ??= drain(app, deps);
      return stopped ?? Promise.resolve();
    },
  };
}

/** No new connections, event streams end, requests under way finish; what is not done in time is cut off. */
async function drain(app: ApiApp, { clock, config, log }: ApiDeps): Promise<void> {
  const done = new AbortController();
  const closing = app.close().finally(() => done.abort());
  const cutOff = clock.sleep(config.drainMs ?? DRAIN_MS, done.signal).then(
    () => {
      log.warn({}, 'requests under way did not finish in time and are cut off');
      app.server.closeAllConnections();
    },
    () => undefined, // closed in time
  );
  await Promise.all([closing, cutOff]);
}

async function listenError(thrown: unknown, { host, port }: ApiDeps['config']['listen']): Promise<RackseedError | undefined> {
  const where = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  switch (systemCode(thrown)) {
    case 'EADDRINUSE': {
      const owner = await findPortOwner('tcp', port);
      const who = owner === undefined ? 'another process' : `${owner.command} (process ${owner.pid})`;
      return fail('api.port_in_use', {
        message: `${where} is in use by ${who}`,
        hint: `Stop ${owner === undefined ? 'it' : owner.command}, or set server.listen to another port. \`ss -ltnp\` shows who listens.`,
        detail: { host, port, ...(owner === undefined ? {} : { pid: owner.pid, command: owner.command }) },
        cause: thrown,
      });
    }
    case 'EACCES':
      return fail('api.port_forbidden', {
        message: `not allowed to listen on ${where}`,
        hint: 'Use a port above 1023, or give the process CAP_NET_BIND_SERVICE.',
        detail: { host, port },
        cause: thrown,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return fail('api.address_unavailable', {
        message: `${where} is not an address of this machine`,
        hint: 'Set server.listen to an address that `ip address` shows, or to 0.0.0.0.',
        detail: { host, port },
        cause: thrown,
      });
    default:
      return undefined;
  }
}
