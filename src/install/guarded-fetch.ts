// HTTP for URLs that people give: nothing is fetched from the appliance itself or its link, whatever name leads there, unless the
// configuration names that host. What is looked at is the address that is connected to, so that a name can not change in between.

import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { closedWhy } from './reach-decide.ts';

/** What is used of an answer; that of Node's fetch and of undici's are ones. */
export interface Fetched {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: (AsyncIterable<Uint8Array> & { cancel(): Promise<void> }) | null;
}

export interface FetchInit {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export type Fetch = (url: string, init: FetchInit & { readonly redirect: 'manual' }) => Promise<Fetched>;

/** It is not fetched, and would not be another time. */
export class NotFetched extends Error {
  override readonly name = 'NotFetched';
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

export interface GuardedFetchOptions {
  /** Hosts that may have closed addresses, as URLs name them. */
  readonly allowed: readonly string[];
  /** In place of the system's, for tests. */
  readonly lookup?: LookupFunction;
  /** In place of closedWhy, for tests: a machine has few addresses that are open and its own. */
  readonly why?: (address: string) => string | undefined;
}

const REDIRECTS_MAX = 5;

export function createGuardedFetch(options: GuardedFetchOptions): Fetch {
  const { allowed, lookup = systemLookup as LookupFunction, why = closedWhy } = options; // the same, told apart by `all` alone
  const isAllowed = (host: string): boolean => allowed.some((one) => one.toLowerCase() === host.toLowerCase());
  let opened: ReturnType<typeof open> | undefined;
  return async (url, init) => {
    opened ??= open(lookup, isAllowed, why);
    const { agent, fetch } = await opened;
    try {
      return await fetch(url, { ...init, headers: { ...init.headers }, dispatcher: agent });
    } catch (thrown) {
      throw refusalIn(thrown) ?? thrown;
    }
  };
}

/** The HTTP library is loaded with the first request: an appliance that fetches nothing does without. */
async function open(lookup: LookupFunction, isAllowed: (host: string) => boolean, whyClosed: typeof closedWhy) {
  const { Agent, buildConnector, fetch } = await import('undici');
  const plain = buildConnector({ lookup });
  const guarded = buildConnector({ lookup: guardedLookup(lookup, whyClosed) });
  const agent = new Agent({
    connect: (options, callback) => {
      const host = options.hostname.replace(/^\[|\]$/g, '');
      if (isAllowed(host)) return plain(options, callback);
      // Of an address nobody looks anything up.
      const why = isIP(host) === 0 ? undefined : whyClosed(host);
      if (why === undefined) return guarded(options, callback);
      callback(closedError(host, why), null);
    },
  });
  return { agent, fetch };
}

function guardedLookup(lookup: LookupFunction, whyClosed: typeof closedWhy): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      const addresses: readonly LookupAddress[] = typeof found === 'string' ? [{ address: found, family: isIP(found) }] : found;
      if (error !== null) return callback(error, []);
      for (const { address } of addresses) {
        const why = whyClosed(address);
        if (why !== undefined) return callback(closedError(hostname, `has the address ${address}, which ${why}`), []);
      }
      const [first] = addresses;
      if (options.all === true) callback(null, [...addresses]);
      else if (first === undefined) callback(new Error(`${hostname} has no address`), []);
      else callback(null, first.address, first.family);
    });
  };
}

function closedError(host: string, why: string): NotFetched {
  return new NotFetched(
    `${host} ${why}`,
    `If that is meant, name the host in the configuration: [install] fetch_hosts = [${JSON.stringify(host)}]`,
  );
}

/** The library wraps what its connections failed with. */
function refusalIn(thrown: unknown): NotFetched | undefined {
  for (let one = thrown; one instanceof Error; one = one.cause) if (one instanceof NotFetched) return one;
  return undefined;
}

/** Goes where a server leads, a few times, over HTTP and HTTPS only, and never from a protected place to one that is not. */
export async function fetchFollowing(fetch: Fetch, url: string, init: FetchInit): Promise<Fetched> {
  let where = new URL(url);
  for (let hops = 0; hops <= REDIRECTS_MAX; hops += 1) {
    const response = await fetch(where.href, { ...init, redirect: 'manual' });
    const location = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || location === null) return response;
    await response.body?.cancel();
    if (!URL.canParse(location, where.href)) throw new NotFetched('it leads on to another place, which is no URL');
    const next = new URL(location, where);
    if (next.protocol !== 'https:' && next.protocol !== 'http:')
      throw new NotFetched(`it leads on to another place, which begins with ${next.protocol}: only http:// and https:// are fetched`);
    if (where.protocol === 'https:' && next.protocol !== 'https:')
      throw new NotFetched(`${where.origin} leads on to ${next.origin}, which is not protected by TLS`, `If that is meant, give that URL.`);
    where = next;
  }
  throw new NotFetched(`it leads on more than ${REDIRECTS_MAX} times`);
}
